"""Requests of asynchronous clients are signed without blocking the loop, or waiting for others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
import httpx2
import pytest
import trio

from evergrant import Keeper, Token
from evergrant.aio import AsyncKeeper
from evergrant.errors import UntrustedServer
from evergrant.sandbox import Sandbox
from tests.support.concurrency.gate import Gate
from tests.support.concurrency.loop_watch import LoopWatch

Count = Callable[[], int]
LogIn = Callable[[str], Token]

ALICE = "alice@example.com"
ME = "/crm/v8/users?type=CurrentUser"


async def get(auth: httpx2.Auth, url: str) -> int:
    async with httpx2.AsyncClient(auth=auth) as client:
        return (await client.get(url)).status_code


def test_a_token_that_zoho_rejects_is_refreshed_once_for_all_requests(
    zoho: Sandbox, tokens: AsyncKeeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    zoho.kill_access_token(token.access_token or "")

    async def main() -> None:
        url = f"{token.api_domain}{ME}"
        async with httpx2.AsyncClient(auth=tokens.auth(ALICE)) as client, LoopWatch() as watch:
            got = await asyncio.gather(*(client.get(url) for _ in range(20)))
            assert watch.blocking == []
            assert {answer.status_code for answer in got} == {200}
            with pytest.raises(UntrustedServer):
                await client.get("https://evil.example/")

    asyncio.run(main())
    assert refreshes() == 1


def test_other_codes_threads_are_neither_waited_for_nor_taken(
    zoho: Sandbox,
    keeper: Keeper,
    expired: LogIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"{expired(ALICE).api_domain}{ME}"
    gate, busy = Gate(), threading.Event()
    gate.before(keeper.accounts, "refresh", monkeypatch)

    async def main() -> int:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        requests = [asyncio.create_task(get(keeper.auth(ALICE), url)) for _ in range(3)]
        await gate.until_reached()
        assert await asyncio.to_thread(lambda: "free") == "free"
        assert await anyio.to_thread.run_sync(lambda: "free") == "free"
        theirs = [
            asyncio.create_task(asyncio.to_thread(busy.wait, 30)),
            asyncio.create_task(anyio.to_thread.run_sync(busy.wait, 30)),
        ]
        gate.open()
        got = await asyncio.gather(*requests)
        busy.set()
        assert await asyncio.gather(*theirs) == [True, True]
        return sum(status == 200 for status in got)

    assert asyncio.run(main()) == 3


def test_a_client_on_trio_is_served_too(
    tokens: AsyncKeeper, expired: LogIn, refreshes: Count
) -> None:
    url = f"{expired(ALICE).api_domain}{ME}"
    assert trio.run(get, tokens.auth(ALICE), url) == 200
    assert refreshes() == 1
