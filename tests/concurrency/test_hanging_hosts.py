"""A data center hangs for two hundred users: nobody else notices, on any store."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant._concurrency.workers import THREADS
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.transport import HttpxTransport
from evergrant.aio import AsyncKeeper
from evergrant.clock import utc_now
from evergrant.errors import AccountsUnavailable, EvergrantError
from evergrant.sandbox import Sandbox
from tests.support.waiting import until, until_async

CROWD = 200
"""Users of the data center that hangs: more than there are threads for those who wait."""

QUICK = 5.0
"""Seconds for what waits for no server that hangs; ample, on a machine that does other work."""

pytestmark = pytest.mark.parametrize(
    "store_url", ["sqlite:///{}/tokens.db", "redis", "postgresql"], indirect=True
)


class Hanging:
    """Carries requests; those to one host wait, before they are sent, until the test ends that."""

    def __init__(self, host: str) -> None:
        self.waiting = 0
        self.go_on = threading.Event()
        self._host = host
        self.sender = HttpxTransport(10)

    def __call__(self, call: HttpRequest) -> HttpResponse:
        if urlsplit(call.url).netloc == self._host:
            self.waiting += 1
            self.go_on.wait(60)
            raise AccountsUnavailable("it hung")
        return self.sender(call)


@pytest.fixture
def zoho() -> Iterator[Sandbox]:
    """Two data centers, on ports of their own."""
    with Sandbox(data_centers=("us", "eu")) as zoho:
        yield zoho


@pytest.fixture
def hanging(zoho: Sandbox) -> Iterator[Hanging]:
    hanging = Hanging(urlsplit(zoho.data_center("us").accounts_url).netloc)
    yield hanging
    hanging.sender.close()


@pytest.fixture
def keeper(zoho: Sandbox, store: TokenStore, hanging: Hanging, tmp_path: Path) -> Iterator[Keeper]:
    app = zoho.client
    with Accounts(
        app.client_id,
        app.client_secret,
        data_centers=zoho.data_centers,
        send=hanging,
        sleep=lambda _: None,
    ) as accounts:
        keeper = Keeper(store, accounts, lifeboat=tmp_path / "boat")
        yield keeper
        hanging.go_on.set()
        keeper.close()


def kept(store: TokenStore, zoho: Sandbox, user: str, where: str, life: float) -> Token:
    """Keep a token; its refresh token is one that Zoho knows only if it says so."""
    return store.save_token(
        Token(
            user_name=user,
            client_id=zoho.client.client_id,
            client_secret=zoho.client.client_secret,
            refresh_token=f"1000.{user}",
            access_token=f"1000.access.{user}",
            api_domain=zoho.data_center(where).api_url,
            expires_at=utc_now() + timedelta(seconds=life),
        )
    )


@pytest.fixture
def crowd(store: TokenStore, zoho: Sandbox) -> list[str]:
    users = [f"user{number}@us.example.com" for number in range(CROWD)]
    for user in users:
        kept(store, zoho, user, "us", -60)
    for user in ("alive", "gone"):
        kept(store, zoho, f"{user}@us.example.com", "us", 3_000)
    kept(store, zoho, "alive@eu.example.com", "eu", 3_000)
    return users


@contextmanager
def quickly(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < QUICK, what


def european(keeper: Keeper, zoho: Sandbox) -> str:
    """Log somebody in at the data center that works, and let the access token be gone."""
    user = "anna@eu.example.com"
    zoho.add_user(user, data_center="eu")
    token = keeper.login_with_code(zoho.grant_code(user, self_client=True), data_center="eu")
    gone = replace(token, access_token=None, expires_at=None)
    keeper.store.save_token(gone, expected_version=token.version)
    return user


def test_threads_of_a_keeper(
    keeper: Keeper, store: TokenStore, zoho: Sandbox, hanging: Hanging, crowd: list[str]
) -> None:
    anna = european(keeper, zoho)
    threads = [threading.Thread(target=ask, args=(keeper, user)) for user in crowd]
    for thread in threads:
        thread.start()
    until(lambda: hanging.waiting == CROWD)
    steps: dict[str, Callable[[], Any]] = {
        "a token that lives": lambda: keeper.access_token("alive@us.example.com"),
        "a token to be refreshed elsewhere": lambda: keeper.access_token(anna),
        "a look": lambda: keeper.find(crowd[0]),
        "a state": lambda: keeper.states.of(keeper.find(crowd[0]), thorough=True),
        "a list": lambda: list(store.iter_tokens()),
        "a save": lambda: kept(store, zoho, "new@us.example.com", "us", 3_000),
        "a deletion": lambda: keeper.forget("gone@us.example.com"),
        "a revocation elsewhere": lambda: keeper.revoke(anna),
    }
    for what, step in steps.items():
        with quickly(what):
            step()
    hanging.go_on.set()
    for thread in threads:
        thread.join(60)


def ask(keeper: Keeper, user: str) -> None:
    with pytest.raises(EvergrantError):
        keeper.access_token(user)


def test_tasks_of_an_async_keeper(
    keeper: Keeper, store: TokenStore, zoho: Sandbox, hanging: Hanging, crowd: list[str]
) -> None:
    anna, tokens = european(keeper, zoho), AsyncKeeper(keeper)

    async def main() -> None:
        asking = [asyncio.create_task(tokens.access_token(user)) for user in crowd]
        await until_async(lambda: hanging.waiting >= CROWD // 2)
        with quickly("a token that lives"):
            await tokens.access_token("alive@us.example.com")
        with quickly("another that lives"):
            await tokens.access_token("alive@eu.example.com")
        with quickly("a token to be refreshed elsewhere"):
            await tokens.access_token(anna)
        with quickly("one to be refreshed elsewhere by force"):
            await tokens.refresh(anna)
        with quickly("a look"):
            await tokens.find(crowd[0])
        with quickly("a deletion"):
            await tokens.forget("gone@us.example.com")
        with quickly("a login elsewhere"):
            code = zoho.grant_code(anna, self_client=True)
            await tokens.login_with_code(code, data_center="eu")
        with quickly("a revocation elsewhere"):
            await tokens.revoke(anna)
        assert not any(task.done() for task in asking)
        hanging.go_on.set()
        await asyncio.gather(*asking, return_exceptions=True)

    asyncio.run(main())


def test_refreshes_in_the_background(
    keeper: Keeper, store: TokenStore, zoho: Sandbox, hanging: Hanging
) -> None:
    for number in range(2 * THREADS):
        token = kept(store, zoho, f"user{number}@us.example.com", "us", 0)
        gone = replace(token, access_token=None, expires_at=None)
        store.save_token(gone, expected_version=token.version)
    anna = european(keeper, zoho)
    assert keeper.refresh_due() == 2 * THREADS + 1
    until(lambda: hanging.waiting == THREADS)
    until(lambda: keeper.find(anna).access_token, QUICK)
    hanging.go_on.set()
