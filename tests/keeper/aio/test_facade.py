"""The Keeper for tasks does what the Keeper does, and says so by the same errors."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path

import pytest
import trio

from evergrant import Keeper, Token, TokenStore
from evergrant.aio import AsyncKeeper
from evergrant.errors import (
    ConsentDenied,
    LoginRequired,
    StoreUnavailable,
    TokenNotFound,
    TokenNotSaved,
)
from evergrant.sandbox import Sandbox
from tests.support.concurrency.gate import Gate
from tests.support.waiting import until_async

Count = Callable[[], int]
LogIn = Callable[[str], Token]

ALICE, BOB = "alice@example.com", "bob@example.com"


def test_a_grant_from_login_to_revocation(zoho: Sandbox, tokens: AsyncKeeper) -> None:
    async def main() -> None:
        async with tokens:
            url = tokens.authorization_url(["ZohoCRM.modules.ALL"], ALICE, session="s")
            redirect = zoho.consent(url, user=ALICE)
            token = await tokens.complete_login(redirect, session="s")
            assert await tokens.token(ALICE) == await tokens.find(ALICE) == token
            refreshed = await tokens.refresh(ALICE)
            assert await tokens.access_token(ALICE) == refreshed.access_token != token.access_token
            await tokens.revoke(ALICE)
            with pytest.raises(TokenNotFound):
                await tokens.access_token(ALICE)
            with pytest.raises(ConsentDenied):
                await tokens.login_with_code(zoho.grant_code(BOB), ALICE)
            await tokens.forget(BOB)
            with pytest.raises(TokenNotFound):
                await tokens.find(BOB)

    asyncio.run(main())


def test_as_much_life_as_is_asked_for(
    zoho: Sandbox, tokens: AsyncKeeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(minutes=30)

    async def main() -> None:
        assert await tokens.access_token(ALICE) == token.access_token
        long = await tokens.token(ALICE, min_ttl=timedelta(minutes=45))
        assert long.access_token != token.access_token
        for _ in range(2):
            with pytest.raises(ValueError, match="min_ttl"):
                await tokens.access_token(ALICE, min_ttl=timedelta(hours=1))

    asyncio.run(main())
    assert refreshes() == 1


def test_tasks_that_refresh_at_the_same_moment_cost_one_refresh(
    keeper: Keeper,
    tokens: AsyncKeeper,
    log_in: LogIn,
    refreshes: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ALICE)
    gate = Gate()
    gate.before(keeper.accounts, "refresh", monkeypatch)

    async def main() -> set[str | None]:
        crowd = [asyncio.create_task(tokens.refresh(ALICE)) for _ in range(20)]
        waiting = tokens.keeper.async_tokens._waiting.bridge_for(
            keeper.accounts.home_data_center.code
        )
        await until_async(
            lambda: any(one.waiting == 20 for one in list(waiting._calls.get().values()))
        )
        gate.open()
        return {token.access_token for token in await asyncio.gather(*crowd)}

    assert len(asyncio.run(main())) == 1
    assert refreshes() == 1


def test_an_error_says_where_it_came_from_to_each_who_waits(
    zoho: Sandbox, tokens: AsyncKeeper, expired: LogIn
) -> None:
    expired(ALICE)
    zoho.revoke(ALICE)

    async def one() -> str:
        try:
            await tokens.token(ALICE)
        except LoginRequired as error:
            return "".join(traceback.format_exception(error))
        return ""

    async def main() -> list[str]:
        return await asyncio.gather(*(one() for _ in range(5)))

    for told in asyncio.run(main()):
        assert told.count(", in one\n") == 1, "the way of this task, and of no other"
        assert told.count("refresher.py") >= 1, "and that of the thread"


def test_an_error_keeps_its_cause(
    keeper: Keeper, tokens: AsyncKeeper, expired: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired(ALICE)

    def full(*_: object, **__: object) -> Token:
        raise StoreUnavailable("the disk is full", retryable=False)

    monkeypatch.setattr(keeper.store, "save_token", full)
    with pytest.raises(TokenNotSaved) as caught:
        asyncio.run(tokens.token(ALICE))
    assert isinstance(caught.value.__cause__, StoreUnavailable)
    assert caught.value.lifeboat


def test_what_is_known_of_the_task_is_known_where_its_work_is_done(
    store: TokenStore, keeper: Keeper, expired: LogIn, tmp_path: Path
) -> None:
    request: ContextVar[str] = ContextVar("request", default="none")
    seen: list[str] = []
    expired(ALICE)
    traced = Keeper(
        store,
        keeper.accounts,
        on_event=lambda _: seen.append(request.get()),
        lifeboat=tmp_path / "boat",
    )

    async def main() -> None:
        request.set("request 7")
        await AsyncKeeper(traced).token(ALICE)

    asyncio.run(main())
    assert seen == ["request 7"]


def test_loops_one_after_the_other_and_side_by_side_share_a_keeper(
    tokens: AsyncKeeper, keeper: Keeper, expired: LogIn, refreshes: Count
) -> None:
    expired(ALICE)
    with ThreadPoolExecutor(4) as pool:
        got = set(pool.map(lambda _: asyncio.run(tokens.access_token(ALICE)), range(8)))
    assert got == {asyncio.run(tokens.access_token(ALICE))}
    assert refreshes() == 1


def test_a_program_of_trios_is_served_too(
    zoho: Sandbox, tokens: AsyncKeeper, expired: LogIn, refreshes: Count
) -> None:
    expired(ALICE)
    got: list[str] = []

    async def ask() -> None:
        got.append(await tokens.access_token(ALICE))

    async def main() -> None:
        async with tokens, trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(ask)
        with trio.move_on_after(1) as scope:
            scope.cancel()
            await tokens.find(ALICE)

    trio.run(main)
    assert (len(got), len(set(got)), refreshes()) == (100, 1, 1)


def test_while_one_task_finds_out_whether_the_store_is_back_the_others_go_on(
    keeper: Keeper, tokens: AsyncKeeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergrant._core.stale_if_error.RETRY_S", 0)
    token = log_in(ALICE)

    def gone() -> int:
        raise StoreUnavailable("the disk is gone")

    async def main() -> None:
        assert await tokens.token(ALICE) == token
        with monkeypatch.context() as patch:
            patch.setattr(keeper.store, "change_counter", gone)
            assert await tokens.token(ALICE) == token
        gate = Gate()
        gate.before(keeper.store, "change_counter", monkeypatch)
        probe = asyncio.create_task(tokens.token(ALICE))
        await gate.until_reached()
        assert await tokens.token(ALICE) == token
        assert not probe.done()
        gate.open()
        assert await probe == token

    asyncio.run(main())


def test_it_is_made_over_a_keeper_or_with_what_one_is_made_with(
    keeper: Keeper, log_in: Callable[[str], Token], tmp_path: Path
) -> None:
    token = log_in(ALICE)

    async def main() -> None:
        async with AsyncKeeper(keeper.store, keeper.accounts, lifeboat=tmp_path) as tokens:
            assert await tokens.access_token(ALICE) == token.access_token

    asyncio.run(main())
    with pytest.raises(TypeError, match="give a Keeper"):
        AsyncKeeper(keeper.store)  # type: ignore[call-overload]
