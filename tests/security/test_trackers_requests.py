"""No secret in what trackers make of a request that evergrant signs, and that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx2
import pytest
import requests

from evergrant import Keeper
from evergrant.aio import AsyncKeeper
from evergrant.sandbox import Client, Sandbox
from tests.support.security.failing_steps import Failed, failures
from tests.support.security.tracked_tokens import Leaks
from tests.support.soak import Soak

ALICE = "alice@example.com"

# A step that fails as something is given back leaves it open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Caller:
    """Calls the CRM with each of the clients that evergrant signs for."""

    def __init__(self, keeper: Keeper, url: str) -> None:
        self._url = f"{url}/crm/v8/org"
        self.ways: dict[str, Callable[[], object]] = {
            "httpx2": lambda: self._httpx2(keeper),
            "requests": lambda: self._requests(keeper),
            "async": lambda: self._async(AsyncKeeper(keeper)),
        }

    def _httpx2(self, keeper: Keeper) -> None:
        with httpx2.Client(auth=keeper.auth(ALICE), trust_env=False) as client:
            client.get(self._url)

    def _requests(self, keeper: Keeper) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.get(self._url, auth=keeper.requests_auth(ALICE), timeout=30)

    def _async(self, keeper: AsyncKeeper) -> None:
        async def call() -> None:
            async with httpx2.AsyncClient(auth=keeper.auth(ALICE), trust_env=False) as client:
                await client.get(self._url)

        asyncio.run(call())


@pytest.mark.parametrize("way", ["httpx2", "requests", "async"])
@pytest.mark.parametrize("rejected", [False, True], ids=["signed", "rejected"])
def test_a_request_that_fails_at_any_step_of_ours(
    marked_keeper: Keeper,
    registered: Client,
    planted: Sandbox,
    way: str,
    leaks: Leaks,
    soak: Soak,
    *,
    rejected: bool,
) -> None:
    marked_keeper.login_with_code(planted.grant_code(ALICE, client=registered, self_client=True))
    work = Caller(marked_keeper, planted.url).ways[way]

    def before() -> None:
        if rejected:
            planted.faults.server_error(
                path="/crm/v8/org", status=401, body=b'{"code": "INVALID_TOKEN"}'
            )

    before()
    work()
    found = list(failures(work, every=soak.rounds(97, 7), before=before))
    assert any(isinstance(error, Failed) for error in found)
    assert [leak for error in found for leak in leaks(error, quickly=True)] == []


@pytest.mark.parametrize(
    ("way", "trouble"),
    [
        ("httpx2", "no answer"),
        ("async", "no answer"),
        ("requests", "no answer"),
        ("httpx2", "no server"),
        ("async", "no server"),
        # Not requests: without TLS, it has the bytes in hand before it connects.
    ],
)
def test_a_request_that_its_client_cannot_send(
    marked_keeper: Keeper,
    registered: Client,
    planted: Sandbox,
    way: str,
    leaks: Leaks,
    trouble: str,
) -> None:
    marked_keeper.login_with_code(planted.grant_code(ALICE, client=registered, self_client=True))
    work = Caller(marked_keeper, planted.url).ways[way]
    work()
    if trouble == "no answer":
        planted.faults.drop_answer(path="/crm/v8/org")
    else:
        planted.stop()
    with pytest.raises((httpx2.TransportError, requests.ConnectionError)) as caught:
        work()
    assert leaks(caught.value, quickly=True) == []
