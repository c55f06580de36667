"""Requests signed with `Keeper.auth`, sent to a real (if local) Zoho."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
import requests

from evergrant import Keeper, Token
from evergrant.errors import LoginRequired, TokenNotFound, UntrustedServer
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]
Count = Callable[[], int]

ALICE = "alice@example.com"
ME = "/crm/v8/users?type=CurrentUser"


def by_httpx2(keeper: Keeper, url: str) -> Any:
    with httpx2.Client(auth=keeper.auth(ALICE)) as client:
        return client.get(url)


def by_httpx2_async(keeper: Keeper, url: str) -> Any:
    async def get() -> httpx2.Response:
        async with httpx2.AsyncClient(auth=keeper.auth(ALICE)) as client:
            return await client.get(url)

    return asyncio.run(get())


def by_httpx(keeper: Keeper, url: str) -> Any:
    with httpx.Client(auth=keeper.auth(ALICE)) as client:  # type: ignore[arg-type]
        return client.get(url)


def by_requests(keeper: Keeper, url: str) -> Any:
    with requests.Session() as session:
        session.auth = keeper.requests_auth(ALICE)
        return session.get(url, timeout=10)


every_library = pytest.mark.parametrize("get", [by_httpx2, by_httpx2_async, by_httpx, by_requests])
Get = Callable[[Keeper, str], Any]


def calls(zoho: Sandbox, path: str) -> list[int]:
    return [call.status for call in zoho.calls if call.path == path]


@every_library
def test_a_token_killed_in_mid_life_is_refreshed_once(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count, get: Get
) -> None:
    token = log_in(ALICE)
    me = f"{token.api_domain}{ME}"
    assert get(keeper, me).json()["users"][0]["email"] == ALICE
    zoho.kill_access_token(token.access_token or "")
    for _ in range(5):
        assert get(keeper, me).status_code == 200
    assert refreshes() == 1
    assert sorted(calls(zoho, "/crm/v8/users")) == [200] * 7 + [401]


@every_library
def test_a_missing_scope_is_not_mended_by_a_new_token(
    zoho: Sandbox, keeper: Keeper, refreshes: Count, get: Get
) -> None:
    scopes = "ZohoCRM.users.READ,ZohoCRM.org.READ"
    token = keeper.login_with_code(zoho.grant_code(ALICE, scopes=scopes))
    answer = get(keeper, f"{token.api_domain}/crm/v8/Leads?fields=Last_Name")
    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
    assert refreshes() == 0
    assert calls(zoho, "/crm/v8/Leads") == [401]


@every_library
def test_a_revoked_grant_is_an_error_and_no_endless_retry(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count, get: Get
) -> None:
    token = log_in(ALICE)
    zoho.revoke(ALICE)
    for _ in range(3):
        with pytest.raises(LoginRequired):
            get(keeper, f"{token.api_domain}{ME}")
    assert refreshes() == 1


@every_library
def test_the_token_goes_to_its_own_data_center_only(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, get: Get
) -> None:
    log_in(ALICE)
    seen = len(zoho.calls)
    for url in (
        f"{zoho.data_center('eu').api_url}{ME}",
        "https://www.zohoapis.com/crm/v8/org",
        "http://127.0.0.1:9/",
        "https://evil.example/",
    ):
        with pytest.raises(UntrustedServer):
            get(keeper, url)
    assert len(zoho.calls) == seen


@every_library
def test_nobodys_requests_are_not_sent(zoho: Sandbox, keeper: Keeper, get: Get) -> None:
    with pytest.raises(TokenNotFound):
        get(keeper, f"{zoho.url}{ME}")
    assert len(zoho.calls) == 0


def test_a_stream_is_sent_once_and_the_next_one_works(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    token = log_in(ALICE)
    zoho.kill_access_token(token.access_token or "")
    leads = f"{token.api_domain}/crm/v8/Leads"
    with httpx2.Client(auth=keeper.auth(ALICE)) as client:
        for status in (401, 201):
            chunks = [b'{"data":[{"Last_Name":', b'"Lovelace"}]}']
            length = {"Content-Length": str(len(b"".join(chunks)))}
            answer = client.post(leads, content=iter(chunks), headers=length)
            assert answer.status_code == status
    assert calls(zoho, "/crm/v8/Leads") == [401, 201]


def test_a_rejected_write_is_not_written_twice(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    token = log_in(ALICE)
    zoho.kill_access_token(token.access_token or "")
    leads = f"{token.api_domain}/crm/v8/Leads"
    with httpx2.Client(auth=keeper.auth(ALICE)) as client:
        answer = client.post(leads, json={"data": [{"Last_Name": "Lovelace"}]})
        found = client.get(leads, params={"fields": "Last_Name"})
    assert answer.status_code == 201
    assert len(found.json()["data"]) == 1


def test_a_hundred_rejections_at_once_cost_one_refresh(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    zoho.kill_access_token(token.access_token or "")

    async def storm() -> list[int]:
        async with httpx2.AsyncClient(auth=keeper.auth(ALICE), timeout=30) as client:
            jobs = [client.get(f"{token.api_domain}{ME}") for _ in range(100)]
            return [answer.status_code for answer in await asyncio.gather(*jobs)]

    assert asyncio.run(storm()) == [200] * 100
    assert refreshes() == 1


def test_a_refresh_does_not_block_the_event_loop(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(hours=1)
    loop_is_free = threading.Event()
    real = keeper.accounts.refresh

    def refresh(token: Token, **options: Any) -> Token:
        assert loop_is_free.wait(10), "the event loop stood still during the refresh"
        return real(token, **options)

    monkeypatch.setattr(keeper.accounts, "refresh", refresh)

    async def main() -> int:
        async with httpx2.AsyncClient(auth=keeper.auth(ALICE)) as client:
            job = asyncio.create_task(client.get(f"{token.api_domain}{ME}"))
            await asyncio.sleep(0.01)
            loop_is_free.set()
            return (await job).status_code

    assert asyncio.run(main()) == 200


def test_a_cancelled_task_does_not_cost_the_granted_token(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(hours=1)
    asked, go_on = threading.Event(), threading.Event()
    real = keeper.accounts.refresh

    def refresh(token: Token, **options: Any) -> Token:
        asked.set()
        assert go_on.wait(10)
        return real(token, **options)

    monkeypatch.setattr(keeper.accounts, "refresh", refresh)

    async def main() -> None:
        async with httpx2.AsyncClient(auth=keeper.auth(ALICE)) as client:
            job = asyncio.create_task(client.get(f"{token.api_domain}{ME}"))
            assert await asyncio.to_thread(asked.wait, 10)
            job.cancel()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await job

    asyncio.run(main())
    assert keeper.access_token(ALICE) == keeper.find(ALICE).access_token != token.access_token
    assert refreshes() == 1


def test_one_auth_object_serves_many_threads(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(hours=1)
    statuses: list[int] = []
    start = threading.Barrier(8)
    with httpx2.Client(auth=keeper.auth(ALICE)) as client:

        def get() -> None:
            start.wait(10)
            statuses.append(client.get(f"{token.api_domain}{ME}").status_code)

        threads = [threading.Thread(target=get) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert statuses == [200] * 8
    assert refreshes() == 1
