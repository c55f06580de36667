"""Processes with Zoho's own SDKs, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import SdkHost, SdkProcess
from tests.support.sdk.stores import STORES


@pytest.fixture(scope="session")
def sdk_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], SdkHost]]:
    """Return the host of a version; it is started when it is first needed."""
    hosts: dict[str, SdkHost] = {}
    folder = tmp_path_factory.mktemp("sdk")

    def host(version: str) -> SdkHost:
        if version not in hosts:
            hosts[version] = SdkHost(version, folder / version)
        return hosts[version]

    yield host
    for started in hosts.values():
        started.stop()


class Places(dict[str, object]):
    """What stands for the braces in a store's URL; a server is started when it is first named."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        super().__init__(folder=folder)
        self._request = request

    def __missing__(self, database: str) -> object:
        return self._request.getfixturevalue(database).url


@pytest.fixture
def start(
    sdk_host: Callable[[str], SdkHost],
    zoho: Sandbox,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., SdkProcess]]:
    """Start processes with the SDK and a store: ``start(OFFICIAL_FILE)``, ``start(OURS, "7_0")``.

    All that are started in one test share what their stores keep.
    """
    started: list[SdkProcess] = []

    def new(store: str, version: str = "8_0", folder: Path = tmp_path) -> SdkProcess:
        process = sdk_host(version).start(folder, zoho)
        started.append(process)
        parts = [part.format_map(Places(request, tmp_path)) for part in STORES[store]]
        process("open", store=parts, url=zoho.url)
        return process

    yield new
    for process in started:
        process.stop()
