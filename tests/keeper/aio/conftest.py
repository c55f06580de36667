"""A Keeper for tasks, on every kind of store that needs no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore, open_store
from evergrant.aio import AsyncKeeper
from evergrant.events import Event
from evergrant.sandbox import Sandbox

STORES = ["memory:", "sqlite:///{}/tokens.db", "file://{}/tokens.csv"]


@pytest.fixture(params=STORES, ids=lambda url: url.partition(":")[0])
def store(request: pytest.FixtureRequest, zoho: Sandbox, tmp_path: Path) -> Iterator[TokenStore]:
    with open_store(request.param.format(tmp_path), clock=zoho.clock) as store:
        yield store


@pytest.fixture
def keeper(
    zoho: Sandbox, store: TokenStore, events: list[Event], tmp_path: Path
) -> Iterator[Keeper]:
    app = zoho.client
    with (
        Accounts(
            app.client_id,
            app.client_secret,
            redirect_url="https://app.example.com/callback",
            data_centers=zoho.data_centers,
            clock=zoho.clock,
            sleep=lambda seconds: None,
        ) as accounts,
        Keeper(store, accounts, on_event=events.append, lifeboat=tmp_path / "boat") as keeper,
    ):
        yield keeper


@pytest.fixture
def tokens(keeper: Keeper) -> AsyncKeeper:
    return AsyncKeeper(keeper)


@pytest.fixture
def log_in(zoho: Sandbox, keeper: Keeper) -> Callable[[str], Token]:
    return lambda email: keeper.login_with_code(zoho.grant_code(email, self_client=True))


@pytest.fixture
def expired(log_in: Callable[[str], Token], keeper: Keeper) -> Callable[[str], Token]:
    """Log a user in and let the hour pass for them alone, as the stored token tells it."""

    def expire(email: str) -> Token:
        token = log_in(email)
        assert token.expires_at
        past = replace(token, expires_at=token.expires_at - timedelta(hours=2))
        return keeper.store.save_token(past, expected_version=token.version)

    return expire
