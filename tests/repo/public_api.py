"""The public interface as a caller's type checker sees it; checked by mypy, never run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_type

import httpx2
import requests

from evergrant import (
    Accounts,
    DataCenter,
    DataCenters,
    Freshness,
    Keeper,
    Token,
    TokenStore,
    open_store,
)
from evergrant.aio import AsyncKeeper
from evergrant.auth import RequestsAuth
from evergrant.errors import EvergrantError, Throttled, TokenNotSaved
from evergrant.events import Event, Refreshed
from evergrant.stores.adapter import adapt


def keep(on_event: list[Event]) -> None:
    local = DataCenter.custom("http://127.0.0.1:1", "http://127.0.0.1:1")
    accounts = Accounts("1000.ID", "secret", data_centers=DataCenters(local))
    with open_store("memory:") as store, accounts:
        assert_type(store, TokenStore)
        keeper = Keeper(store, accounts, on_event=on_event.append, lifeboat=Path())
        assert_type(keeper.authorization_url(["ZohoCRM.modules.ALL"], session="s"), str)
        assert_type(keeper.complete_login({"state": "s", "code": "c"}, session="s"), Token)
        assert_type(keeper.complete_login("state=s&code=c"), Token)
        assert_type(keeper.login_with_code("c", "alice@example.com"), Token)
        assert_type(keeper.access_token("alice@example.com"), str)
        assert_type(keeper.token("alice@example.com"), Token)
        assert_type(keeper.requests_auth("alice@example.com"), RequestsAuth)
        httpx2.Client(auth=keeper.auth("alice@example.com")).get("/")
        httpx2.AsyncClient(auth=keeper.auth("alice@example.com"))
        requests.get("/", auth=keeper.requests_auth("alice@example.com"), timeout=1)


async def keep_for_tasks(keeper: Keeper) -> None:
    async with AsyncKeeper(keeper) as tasks:
        assert_type(tasks, AsyncKeeper)
        assert_type(tasks.keeper, Keeper)
        assert_type(tasks.authorization_url(["ZohoCRM.modules.ALL"], session="s"), str)
        assert_type(await tasks.complete_login("state=s&code=c", session="s"), Token)
        assert_type(await tasks.login_with_code("c", "alice@example.com"), Token)
        assert_type(await tasks.access_token("alice@example.com", min_ttl=timedelta(1)), str)
        assert_type(await tasks.token("alice@example.com"), Token)
        assert_type(await tasks.find("alice@example.com"), Token)
        assert_type(await tasks.refresh("alice@example.com"), Token)
        await tasks.revoke("alice@example.com")
        await tasks.forget("alice@example.com")
        httpx2.AsyncClient(auth=tasks.auth("alice@example.com"))


def store_tokens(store: TokenStore, token: Token) -> None:
    assert_type(store.find_token(token), Token | None)
    assert_type(store.find_token_by_id("1"), Token | None)
    assert_type(store.save_token(token, expected_version=1), Token)
    assert_type(store.get_tokens(), list[Token])
    with store.lease("1", ttl=15) as lease:
        assert_type(lease.held, bool)
    store.delete_token("1")
    store.delete_tokens()


class SixMethods:
    def find_token(self, token: Token) -> Token | None:
        return token

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the official SDK's name
        return Token(id=id)

    def save_token(self, token: Token) -> None: ...
    def delete_token(self, id: str) -> None: ...  # noqa: A002 - the official SDK's name
    def get_tokens(self) -> list[Token]:
        return []

    def delete_tokens(self) -> None: ...


def keep_in_a_store_of_ones_own(accounts: Accounts) -> None:
    assert_type(adapt(SixMethods()), TokenStore)
    assert_type(Keeper(SixMethods(), accounts).store, TokenStore)


def look_at(token: Token, event: Event, error: EvergrantError) -> None:
    assert_type(token.freshness(datetime.now(UTC)), Freshness)
    assert_type(token.expires_at, datetime | None)
    assert_type(token.scopes, tuple[str, ...])
    token.user_name = "frozen"  # type: ignore[misc]
    if isinstance(event, Refreshed):
        assert_type(event.expires_at, datetime | None)
    if isinstance(error, Throttled):
        assert_type(error.retry_at, datetime)
    if isinstance(error, TokenNotSaved):
        assert_type(error.lifeboat, Path | None)
