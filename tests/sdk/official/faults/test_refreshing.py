"""When and how often the SDK asks for a new access token: faults 15 to 18."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import SdkProcess, grant_of
from tests.support.sdk.stores import OFFICIAL_FILE, OUR_SQLITE, OUR_TOKEN, SAMPLE, sdk_token

Start = Callable[..., SdkProcess]

ALICE = "alice@example.com"
TOKEN = "/oauth/v2/token"


def refreshes(zoho: Sandbox) -> int:
    return zoho.calls.count(TOKEN, "refresh_token")


STALE = {"access_token": "stale", "expires_in": "1700000000000", "refresh_token": "stale"}
STORED = sdk_token("alice")


@pytest.mark.parametrize(
    ("store", "found"), [(SAMPLE, STALE), (OFFICIAL_FILE, STALE), (OUR_SQLITE, STORED)]
)
def test_what_the_program_holds_hides_what_is_stored(
    start: Start, store: str, found: dict[str, str]
) -> None:
    sdk = start(store)
    sdk("save_token", **STORED)
    answer = sdk("find_token", user_name=STORED["user_name"], client_id="1000.APP", **STALE)
    assert {name: answer[name] for name in STALE} == {name: found[name] for name in STALE}


@pytest.mark.parametrize(("store", "number"), [(OFFICIAL_FILE, 2), (OUR_SQLITE, 1)])
def test_what_another_process_refreshed_is_refreshed_again(
    start: Start, zoho: Sandbox, store: str, number: int
) -> None:
    """Of the SDKs 2.0 and 2.1; the newer ones ask the store once a token has an id."""
    grant = grant_of(zoho, ALICE)
    both = [start(store, "2_1") for _ in range(2)]
    for sdk in both:
        sdk("initialize", user=ALICE, **grant)
        assert sdk("whoami") == ALICE
    zoho.clock.advance(hours=1)
    assert [sdk("whoami") for sdk in both] == [ALICE, ALICE]
    assert refreshes(zoho) == number


@pytest.mark.parametrize(
    ("store", "once"), [(OFFICIAL_FILE, False), (OUR_SQLITE, True), (OUR_TOKEN, True)]
)
def test_twenty_threads_send_twenty_refreshes(
    start: Start, zoho: Sandbox, store: str, *, once: bool
) -> None:
    sdk = start(store)
    sdk.log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.latency(0.3)
    answers = sdk("whoami_in_threads", number=20)
    assert (refreshes(zoho) == 1) is once
    assert not once or answers == [ALICE] * 20


@pytest.mark.parametrize(
    ("store", "number"), [(OFFICIAL_FILE, 30), (OUR_SQLITE, 1), (OUR_TOKEN, 1)]
)
def test_throttled_it_asks_for_more(start: Start, zoho: Sandbox, store: str, number: int) -> None:
    sdk = start(store)
    sdk.log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.throttle(times=None)
    for _ in range(30):
        assert sdk.outcome("whoami")[0] == "SDKException"
    assert refreshes(zoho) == number


@pytest.mark.parametrize(
    ("store", "answer", "number"),
    [
        (OFFICIAL_FILE, "INVALID_TOKEN", 0),
        (OUR_SQLITE, "INVALID_TOKEN", 0),
        (OUR_TOKEN, ALICE, 1),
    ],
)
def test_a_token_that_the_api_rejects_stays_in_use(
    start: Start, zoho: Sandbox, store: str, answer: str, number: int
) -> None:
    sdk = start(store)
    sdk.log_in(ALICE)
    zoho.kill_access_token(sdk("current")["access_token"])
    assert [sdk("whoami") for _ in range(5)] == [answer] * 5
    assert refreshes(zoho) == number
