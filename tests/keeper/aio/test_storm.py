"""Very many tasks at the same moment: Zoho is asked once a user, and the loop goes on."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from evergrant import Keeper, Token
from evergrant.aio import AsyncKeeper
from evergrant.errors import LoginRequired
from evergrant.sandbox import Sandbox
from tests.support.concurrency.gate import Gate
from tests.support.concurrency.loop_watch import LoopWatch

Count = Callable[[], int]
LogIn = Callable[[str], Token]

ALICE, BOB, DORA = "alice@example.com", "bob@example.com", "dora@example.com"


def waiting_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("evergrant-wait")}


def test_a_thousand_tasks_cost_one_refresh_and_one_thread_and_hold_nobody_else_up(
    zoho: Sandbox,
    keeper: Keeper,
    tokens: AsyncKeeper,
    log_in: LogIn,
    expired: LogIn,
    refreshes: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zoho.add_user(DORA)
    alices, _ = expired(ALICE), expired(DORA)
    bobs = log_in(BOB)
    gate = Gate(lambda token: token.id == alices.id)
    gate.before(keeper.accounts, "refresh", monkeypatch)
    before = waiting_threads()

    async def storm() -> Counter[str]:
        async with LoopWatch() as watch:
            crowd = asyncio.gather(*(tokens.access_token(ALICE) for _ in range(1000)))
            await gate.until_reached()
            await watch.goes_on()
            assert len(waiting_threads() - before) == 1
            assert await tokens.access_token(BOB) == bobs.access_token
            assert await tokens.access_token(DORA)
            assert not crowd.done()
            gate.open()
            got = Counter(await crowd)
            assert watch.blocking == []
        return got

    ((token, number),) = asyncio.run(storm()).items()
    assert (number, refreshes()) == (1000, 2)
    assert token == keeper.find(ALICE).access_token


def test_a_refusal_of_one_is_an_error_of_its_own_for_each(
    zoho: Sandbox, tokens: AsyncKeeper, expired: LogIn, refreshes: Count
) -> None:
    expired(ALICE)
    zoho.revoke(ALICE)

    async def storm() -> list[str | BaseException]:
        crowd = (tokens.access_token(ALICE) for _ in range(50))
        return await asyncio.gather(*crowd, return_exceptions=True)

    errors = asyncio.run(storm())
    assert {type(error) for error in errors} == {LoginRequired}
    assert len({id(error) for error in errors}) == 50
    assert refreshes() == 1


def test_very_many_users_at_once_cost_a_refresh_each(
    zoho: Sandbox, keeper: Keeper, tokens: AsyncKeeper, refreshes: Count
) -> None:
    writes_it_all = keeper.store.url.startswith("file:")
    users = [f"user-{number}" for number in range(50 if writes_it_all else 200)]
    for user in users:
        zoho.add_user(f"{user}@example.com")
        code = zoho.grant_code(f"{user}@example.com", self_client=True)
        keeper.login_with_code(code, user)
    zoho.clock.advance(hours=2)
    asked = 3 * users

    async def storm() -> list[str]:
        async with LoopWatch() as watch:
            got = await asyncio.gather(*(tokens.access_token(user) for user in asked))
            assert watch.blocking == []
        return got

    got = asyncio.run(storm())
    assert refreshes() == len(users)
    assert got == [keeper.find(user).access_token for user in asked]
