"""With the store gone, tokens that are valid go on being served, and at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from evergrant import Keeper, Token
from evergrant._core import stale_if_error
from evergrant.errors import AccountsUnavailable, StoreUnavailable, TokenNotFound
from evergrant.events import Event, StoreFailed, StoreRecovered
from evergrant.sandbox import Sandbox

LogIn = Callable[[str], Token]

ALICE, BOB = "alice@example.com", "bob@example.com"
READS = ("change_counter", "find_users", "find_token", "find_token_by_id", "save_token")


class Outage:
    """Makes each use of a store fail, after some seconds, and counts them."""

    def __init__(self, keeper: Keeper, patch: pytest.MonkeyPatch) -> None:
        self._keeper, self._patch = keeper, patch
        self.asked = 0
        self.delay = 0.0

    def begin(self) -> None:
        for name in READS:
            self._patch.setattr(self._keeper.store, name, self._fail)

    def end(self) -> None:
        for name in READS:
            self._patch.delattr(self._keeper.store, name)

    def _fail(self, *_: object, **__: object) -> None:
        self.asked += 1
        time.sleep(self.delay)
        raise StoreUnavailable("the server is gone")


@pytest.fixture
def outage(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> Outage:
    return Outage(keeper, monkeypatch)


def kinds(events: list[Event]) -> list[str]:
    told = [event for event in events if isinstance(event, StoreFailed | StoreRecovered)]
    return [type(event).__name__ for event in told]


def test_callers_do_not_wait_for_a_store_that_is_gone(
    keeper: Keeper, log_in: LogIn, outage: Outage, events: list[Event]
) -> None:
    log_in(ALICE)
    token = keeper.access_token(ALICE)
    outage.begin()
    assert {keeper.access_token(ALICE) for _ in range(1_000)} == {token}
    assert outage.asked == 1, "the next second's caller looks again"
    assert kinds(events) == ["StoreFailed"]


def test_one_caller_at_a_time_finds_out_whether_it_is_back(
    keeper: Keeper,
    log_in: LogIn,
    outage: Outage,
    events: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stale_if_error, "RETRY_S", 0.0)
    log_in(ALICE)
    token = keeper.access_token(ALICE)
    outage.begin()
    keeper.access_token(ALICE)
    outage.delay = 1.0
    looking = threading.Thread(target=keeper.access_token, args=(ALICE,))
    looking.start()
    while outage.asked < 2:
        time.sleep(0.001)
    began = time.monotonic()
    assert {keeper.access_token(ALICE) for _ in range(1_000)} == {token}
    assert outage.asked == 2
    assert looking.is_alive() or time.monotonic() - began > 0.5
    looking.join()
    outage.end()
    assert keeper.access_token(ALICE) == token
    assert keeper.access_token(ALICE) == token
    assert kinds(events) == ["StoreFailed", "StoreFailed", "StoreRecovered"]


def test_a_user_who_was_not_asked_for_before_gets_the_error(
    keeper: Keeper, log_in: LogIn, outage: Outage
) -> None:
    log_in(ALICE)
    log_in(BOB)
    token = keeper.access_token(ALICE)
    outage.begin()
    with pytest.raises(StoreUnavailable, match="the server is gone"):
        keeper.access_token(BOB)
    assert keeper.access_token(ALICE) == token
    outage.end()
    assert keeper.access_token(BOB)


def test_a_user_who_is_gone_when_the_store_is_back_is_not_served(
    keeper: Keeper,
    new_keeper: Callable[[], Keeper],
    log_in: LogIn,
    outage: Outage,
    events: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stale_if_error, "RETRY_S", 0.0)
    log_in(ALICE)
    keeper.access_token(ALICE)
    outage.begin()
    keeper.access_token(ALICE)
    outage.end()
    new_keeper().forget(ALICE)
    for _ in range(2):
        with pytest.raises(TokenNotFound):
            keeper.access_token(ALICE)
    assert kinds(events) == ["StoreFailed", "StoreRecovered"]


def test_nothing_is_handed_out_beyond_its_life(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, outage: Outage
) -> None:
    log_in(ALICE)
    keeper.access_token(ALICE)
    outage.begin()
    zoho.clock.advance(minutes=58)
    assert keeper.access_token(ALICE)
    zoho.clock.advance(minutes=2)
    with pytest.raises(StoreUnavailable):
        keeper.access_token(ALICE)
    outage.end()
    assert keeper.access_token(ALICE), "without a restart"


def test_a_caller_who_finds_the_store_back_and_zoho_down_does_not_keep_others_from_it(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    outage: Outage,
    events: list[Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stale_if_error, "RETRY_S", 0.0)
    log_in(ALICE)
    log_in(BOB)
    zoho.clock.advance(minutes=30)
    keeper.refresh(ALICE)
    keeper.access_token(ALICE)
    outage.begin()
    keeper.access_token(ALICE)
    outage.end()
    zoho.clock.advance(minutes=31)
    zoho.faults.server_error(times=None)
    with pytest.raises(AccountsUnavailable):
        keeper.access_token(BOB)
    keeper.access_token(ALICE)
    assert kinds(events)[-1] == "StoreRecovered"
