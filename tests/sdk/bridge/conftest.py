"""The bridge's desk on a real store and a local Zoho, as the SDK would ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evergrant import Token, TokenStore, open_store
from evergrant.events import Event
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.sdk.bridge import Asked


@pytest.fixture
def new_desk(
    zoho: Sandbox, tmp_path: Path, events: list[Event], boat: Path
) -> Iterator[Callable[[], SDKBridge]]:
    """Open the store anew and sit down at it, as another process does."""
    with ExitStack() as stack:

        def make() -> SDKBridge:
            url = f"sqlite:///{tmp_path}/tokens.db?timeout=1"
            store = stack.enter_context(open_store(url, clock=zoho.clock))
            bridge = SDKBridge(
                store,
                data_centers=zoho.data_centers,
                clock=zoho.clock,
                on_event=events.append,
                lifeboat=boat,
            )
            stack.callback(bridge.close)
            return bridge

        yield make


@pytest.fixture
def bridge(new_desk: Callable[[], SDKBridge]) -> SDKBridge:
    return new_desk()


@pytest.fixture
def store(bridge: SDKBridge) -> TokenStore:
    return bridge.store


@pytest.fixture
def config(zoho: Sandbox) -> SDKConfig:
    return SDKConfig(f"{zoho.url}/oauth/v2/token", zoho.url)


@pytest.fixture
def asked(zoho: Sandbox) -> Asked:
    """Make what the program puts into an SDK's token: its client, and what it knows."""
    client = zoho.client

    def make(**fields: str | None) -> Token:
        return Token(
            **{"client_id": client.client_id, "client_secret": client.client_secret, **fields}  # type: ignore[arg-type]
        )

    return make
