"""Zoho hangs for two hundred users: whoever has a token that lives does not notice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from evergrant import Keeper, Token
from evergrant._core.async_tokens import REFRESH_THREADS
from evergrant.aio import AsyncKeeper
from evergrant.sandbox import Sandbox
from tests.support.concurrency.gate import Gate
from tests.support.waiting import until_async

LogIn = Callable[[str], Token]

ALICE, BOB = "alice@example.com", "bob@example.com"
CROWD = 2 * REFRESH_THREADS


@pytest.mark.parametrize("is_at_hand", [True, False])
def test_two_hundred_refreshes_that_hang_hold_up_no_token_that_lives(
    zoho: Sandbox,
    keeper: Keeper,
    tokens: AsyncKeeper,
    log_in: LogIn,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_at_hand: bool,
) -> None:
    bobs, gate = log_in(BOB), Gate()
    if is_at_hand:
        keeper.token(BOB)
    alice = log_in(ALICE)
    gate.before(keeper._manager, "replace_rejected", monkeypatch)

    async def main() -> None:
        crowd = []
        for number in range(CROWD):
            rejected = Token(id=alice.id, access_token=f"1000.{number}")
            crowd.append(
                asyncio.create_task(tokens.keeper.async_tokens.replace_rejected(ALICE, rejected))
            )
        await until_async(lambda: gate.reached == REFRESH_THREADS)
        assert await tokens.access_token(BOB) == bobs.access_token
        assert (await tokens.find(BOB)).id == bobs.id
        assert not any(task.done() for task in crowd)
        gate.open()
        await asyncio.gather(*crowd)

    asyncio.run(main())
