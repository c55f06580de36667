"""A task is cancelled while Zoho is asked: what was granted is saved, and nobody else notices."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evergrant import Keeper, Token
from evergrant.aio import AsyncKeeper
from evergrant.errors import TokenNotFound
from evergrant.sandbox import Sandbox
from tests.support.concurrency.gate import Gate
from tests.support.waiting import until_async

Count = Callable[[], int]
LogIn = Callable[[str], Token]

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
def held(keeper: Keeper, expired: LogIn, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Let the refresh of Alice's token wait between Zoho's grant and the save."""
    expired(ALICE)
    gate = Gate()
    gate.after(keeper.accounts, "refresh", monkeypatch)
    return gate


def open_after(gate: Gate, over: threading.Event) -> threading.Thread:
    """Open a gate from another thread, a moment after something is over."""

    def run() -> None:
        assert over.wait(30)
        threading.Event().wait(0.2)
        gate.open()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


async def cancelled(call: Coroutine[Any, Any, object], gate: Gate) -> None:
    """Cancel a call once it has reached the gate; return without waiting for the gate."""
    task = asyncio.create_task(call)
    await gate.until_reached()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_cancelled_between_grant_and_save_the_next_call_has_the_token(
    keeper: Keeper, tokens: AsyncKeeper, refreshes: Count, held: Gate
) -> None:
    async def main() -> str:
        await cancelled(tokens.access_token(ALICE), held)
        held.open()
        return await tokens.access_token(ALICE)

    assert asyncio.run(main()) == keeper.find(ALICE).access_token
    assert refreshes() == 1


def test_a_deadline_is_kept_and_those_who_wait_on_are_not_disturbed(
    tokens: AsyncKeeper, refreshes: Count, held: Gate
) -> None:
    async def hurried() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await tokens.access_token(ALICE)

    async def main() -> set[str]:
        patient = [asyncio.create_task(tokens.access_token(ALICE)) for _ in range(5)]
        await held.until_reached()
        await asyncio.gather(*(hurried() for _ in range(5)))
        held.open()
        return set(await asyncio.gather(*patient))

    assert len(asyncio.run(main())) == 1
    assert refreshes() == 1


def test_a_group_that_is_given_up_loses_nothing(
    keeper: Keeper, tokens: AsyncKeeper, refreshes: Count, held: Gate
) -> None:
    async def fail() -> None:
        await held.until_reached()
        raise ZeroDivisionError

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(tokens.access_token(ALICE))
            group.create_task(fail())

    async def main() -> None:
        with pytest.raises(ExceptionGroup):
            await both()
        held.open()

    before = keeper.find(ALICE)
    asyncio.run(main())
    assert keeper.find(ALICE).version == before.version + 1
    assert keeper.access_token(ALICE)
    assert refreshes() == 1


def test_a_login_cancelled_after_its_code_was_spent_is_a_login(
    zoho: Sandbox, keeper: Keeper, tokens: AsyncKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    gate.after(keeper.accounts, "exchange", monkeypatch)
    url = tokens.authorization_url(["ZohoCRM.modules.ALL"])

    async def main() -> None:
        await cancelled(tokens.complete_login(zoho.consent(url, user=ALICE)), gate)
        gate.open()

    asyncio.run(main())
    assert keeper.access_token(ALICE)


def test_a_task_that_is_cancelled_already_begins_no_login(
    zoho: Sandbox, keeper: Keeper, tokens: AsyncKeeper
) -> None:
    code = zoho.grant_code(ALICE)

    async def late() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await tokens.login_with_code(code)

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(late())

    asyncio.run(main())
    with pytest.raises(TokenNotFound):
        keeper.find(ALICE)
    assert keeper.login_with_code(code).access_token, "the code was not sent"


def test_the_end_of_asyncio_run_waits_for_what_was_granted(
    keeper: Keeper, tokens: AsyncKeeper, held: Gate
) -> None:
    before, over = keeper.find(ALICE), threading.Event()
    opener = open_after(held, over)

    async def main() -> None:
        await cancelled(tokens.access_token(ALICE), held)
        over.set()

    asyncio.run(main())
    assert keeper.find(ALICE).version == before.version + 1
    opener.join()


def test_closing_waits_for_what_was_granted_and_lets_the_loop_go_on(
    keeper: Keeper, tokens: AsyncKeeper, held: Gate
) -> None:
    before = keeper.find(ALICE)

    async def main() -> None:
        await cancelled(tokens.access_token(ALICE), held)
        closing = asyncio.create_task(tokens.aclose())
        await asyncio.sleep(0.1)
        assert not closing.done()
        held.open()
        await closing
        assert keeper.find(ALICE).version == before.version + 1

    asyncio.run(main())


def test_closing_tells_those_who_come_later(tokens: AsyncKeeper, held: Gate) -> None:
    async def main() -> None:
        first = asyncio.create_task(tokens.access_token(ALICE))
        await held.until_reached()
        closing = asyncio.create_task(tokens.aclose())
        await until_async(lambda: tokens.keeper.async_tokens._waiting.is_closed)
        with pytest.raises(RuntimeError, match="closed"):
            await tokens.find(ALICE)
        held.open()
        await closing
        assert await first
        await tokens.aclose()

    asyncio.run(main())


def test_a_failure_that_nobody_waits_for_is_logged(
    zoho: Sandbox,
    keeper: Keeper,
    tokens: AsyncKeeper,
    log_in: LogIn,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_in(ALICE)
    zoho.faults.server_error(path="/oauth/v2/token/revoke", times=None)
    gate = Gate()
    gate.before(keeper.accounts, "revoke", monkeypatch)

    async def main() -> None:
        await cancelled(tokens.revoke(ALICE), gate)
        gate.open()

    asyncio.run(main())
    (line,) = [one.message for one in caplog.records if "cancelled has failed" in one.message]
    assert "500" in line
    assert keeper.find(ALICE).refresh_token
