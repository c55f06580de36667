"""A store of each kind, and processes that use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.faults.holders_and_askers import Cast
from tests.support.faults.scene import Scene
from tests.support.servers.databases import Mortal, mortal
from tests.support.stores.encrypted_stores import unsealed

KINDS = ("sqlite", "file", "mariadb", "postgresql", "pgbouncer", "redis", "sealed sqlite")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Run the test on each kind of store."""
    found: str = request.param
    return found


@pytest.fixture
def store_url(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Name a store that is not there yet."""
    match unsealed(kind, monkeypatch):
        case "sqlite":
            return f"sqlite:///{tmp_path}/tokens.db"
        case "file":
            return f"file://{tmp_path}/tokens.csv"
        case server:
            url: str = request.getfixturevalue(server).url
            return url


@pytest.fixture(scope="session")
def mortal_servers() -> Iterator[Callable[[str], Mortal]]:
    """Start a server that tests may kill, once for all of them."""
    running: dict[str, Mortal] = {}

    def start(kind: str) -> Mortal:
        if kind not in running:
            running[kind] = mortal(kind)
        return running[kind]

    yield start
    for server in running.values():
        server.close()


@pytest.fixture
def mortal_server(kind: str, mortal_servers: Callable[[str], Mortal]) -> Mortal:
    return mortal_servers(kind)


@pytest.fixture
def scene(zoho: Sandbox, store_url: str, tmp_path: Path) -> Scene:
    return Scene.at(zoho, store_url, tmp_path / "lifeboat")


@pytest.fixture
def cast(zoho: Sandbox, scene: Scene) -> Iterator[Cast]:
    with scene.keeper() as keeper:
        yield Cast(zoho, scene, keeper)
