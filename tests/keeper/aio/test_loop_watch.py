"""The loop watch sees what it is there for; and the Keeper for tasks gives it nothing to see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evergrant import Keeper, Token, TokenStore
from evergrant.aio import AsyncKeeper
from evergrant.sandbox import Sandbox
from tests.support.concurrency.gate import Gate
from tests.support.concurrency.loop_watch import LoopWatch

LogIn = Callable[[str], Token]

ALICE, BOB = "alice@example.com", "bob@example.com"


def watched(do: Callable[[], object]) -> LoopWatch:
    """Have a loop call something it should not."""

    async def main() -> LoopWatch:
        async with LoopWatch() as watch:
            await watch.goes_on(1)
            do()
        return watch

    return asyncio.run(main())


def test_asking_zoho_on_the_loop_is_seen(keeper: Keeper, expired: LogIn) -> None:
    expired(ALICE)
    seen = watched(lambda: keeper.token(ALICE)).blocking
    assert any("socket.sendall in " in one or "socket.send in " in one for one in seen)


def test_asking_a_store_on_the_loop_is_seen(
    keeper: Keeper, store: TokenStore, log_in: LogIn
) -> None:
    log_in(ALICE)
    keeper.token(ALICE)
    seen = watched(lambda: keeper.cached_token(ALICE)).blocking
    assert bool(seen) == (store.url != "memory:")


def test_sleeping_on_the_loop_is_seen_and_measured(
    keeper: Keeper, expired: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired(ALICE)
    monkeypatch.setattr(keeper.accounts, "_sleep", time.sleep)
    watch = watched(lambda: time.sleep(0.2))
    assert watch.longest >= 0.1
    assert watch.blocking == [], "the test's own calls are not ours"


def test_no_method_blocks_the_loop(
    zoho: Sandbox, keeper: Keeper, tokens: AsyncKeeper, expired: LogIn
) -> None:
    expired(ALICE)

    async def everything() -> list[str]:
        async with LoopWatch() as watch:
            token = await tokens.token(ALICE)
            assert await tokens.access_token(ALICE) == token.access_token
            assert await tokens.find(ALICE) == token
            assert (await tokens.refresh(ALICE)).access_token != token.access_token
            await tokens.revoke(ALICE)
            await tokens.login_with_code(zoho.grant_code(BOB))
            await tokens.forget(BOB)
            url = tokens.authorization_url(["ZohoCRM.modules.ALL"])
            await tokens.complete_login(zoho.consent(url, user=ALICE))
            await tokens.aclose()
        return watch.blocking

    assert asyncio.run(everything()) == []


@pytest.mark.parametrize(
    "ask",
    [lambda tokens: tokens.token(ALICE), lambda tokens: tokens.find(ALICE)],
    ids=["token", "find"],
)
def test_a_store_that_does_not_answer_holds_the_asking_task_only(
    keeper: Keeper,
    tokens: AsyncKeeper,
    log_in: LogIn,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[AsyncKeeper], Coroutine[Any, Any, Token]],
) -> None:
    token, gate = log_in(ALICE), Gate()
    gate.before(keeper.store, "find_users", monkeypatch)

    async def main() -> Token:
        async with LoopWatch() as watch:
            asked = asyncio.create_task(ask(tokens))
            await gate.until_reached()
            await watch.goes_on()
            gate.open()
            return await asked

    assert asyncio.run(main()).access_token == token.access_token
