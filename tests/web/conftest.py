"""The same app in each framework, on a real (if local) Zoho."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, open_store
from evergrant.sandbox import Client, Sandbox
from tests.support.web.django_keeper import made
from tests.support.web.frameworks import FRAMEWORKS, environment
from tests.support.web.visitor import Visitor


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Where the app will listen; held from now on, since other tests look for free ports too."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as door:
        yield door


@pytest.fixture
def root() -> str:
    """What the app is mounted below."""
    return ""


@pytest.fixture
def client(zoho: Sandbox, door: socket.socket, root: str) -> Client:
    port = door.getsockname()[1]
    return zoho.add_client(redirect_uris=[f"http://127.0.0.1:{port}{root}/zoho/callback"])


@pytest.fixture
def keeper(client: Client, zoho: Sandbox, tmp_path: Path) -> Iterator[Keeper]:
    with (
        open_store(f"sqlite:///{tmp_path}/tokens.db", clock=zoho.clock) as store,
        Accounts(
            client.client_id,
            client.client_secret,
            redirect_url=client.redirect_uris[0],
            data_centers=zoho.data_centers,
            clock=zoho.clock,
            sleep=lambda _: None,
        ) as accounts,
        Keeper(store, accounts, lifeboat=tmp_path) as keeper,
    ):
        made.append(keeper)
        yield keeper
        made.pop()


@pytest.fixture(params=FRAMEWORKS)
def url(
    request: pytest.FixtureRequest, keeper: Keeper, door: socket.socket, root: str
) -> Iterator[str]:
    with FRAMEWORKS[request.param](keeper, door, root) as url:
        yield url


@pytest.fixture
def alice(url: str, zoho: Sandbox) -> Iterator[Visitor]:
    visitor = Visitor(url, zoho)
    yield visitor
    visitor.browser.close()


@pytest.fixture
def bob(url: str, zoho: Sandbox) -> Iterator[Visitor]:
    visitor = Visitor(url, zoho)
    yield visitor
    visitor.browser.close()


@pytest.fixture(scope="session", autouse=True)
def _environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ |= environment(tmp_path_factory.mktemp("django"))
