"""A token in its last minutes is refreshed while everybody goes on with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant._core import scheduler
from evergrant.errors import AccountsUnavailable, LoginRequired, Throttled
from evergrant.events import Event, Refreshed, RefreshFailed
from evergrant.sandbox import Sandbox
from tests.support.keeper.idle import until_idle
from tests.support.waiting import until

LogIn = Callable[[str], Token]
Count = Callable[[], int]

ALICE, BOB = "alice@example.com", "bob@example.com"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def stale(zoho: Sandbox, log_in: LogIn) -> Token:
    token = log_in(ALICE)
    zoho.clock.advance(minutes=57)
    return token


def test_nobody_waits_for_a_refresh_while_the_token_works(
    zoho: Sandbox, keeper: Keeper, stale: Token, refreshes: Count, events: list[Event]
) -> None:
    zoho.faults.latency(0.5)
    with ThreadPoolExecutor(20) as pool:
        began = time.monotonic()
        got = set(pool.map(lambda _: keeper.access_token(ALICE), range(200)))
        took = time.monotonic() - began
        until_idle(keeper._manager)
    assert got == {stale.access_token}
    assert took < 0.5 or time.monotonic() - began > 0.5, "nobody has waited for Zoho"
    assert refreshes() == 1
    assert keeper.access_token(ALICE) != stale.access_token
    assert refreshes() == 1
    (refreshed,) = [event for event in events if isinstance(event, Refreshed)]
    assert refreshed.user == stale.user_name


def test_the_refresh_happens_in_another_thread(
    keeper: Keeper, stale: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[threading.Thread] = []
    real = keeper.accounts.refresh

    def refresh(token: Token, **options: Any) -> Token:
        seen.append(threading.current_thread())
        return real(token, **options)

    monkeypatch.setattr(keeper.accounts, "refresh", refresh)
    keeper.access_token(ALICE)
    until_idle(keeper._manager)
    assert len(seen) == 1
    assert seen[0] is not threading.current_thread()


def test_of_several_processes_one_refreshes(
    new_keeper: Callable[[], Keeper], stale: Token, zoho: Sandbox, refreshes: Count
) -> None:
    zoho.faults.latency(0.2)
    keepers = [new_keeper() for _ in range(5)]
    assert {keeper.access_token(ALICE) for keeper in keepers} == {stale.access_token}
    for keeper in keepers:
        until_idle(keeper._manager)
    assert refreshes() == 1
    assert len({keeper.access_token(ALICE) for keeper in keepers} - {stale.access_token}) == 1


def test_a_refresh_that_fails_in_the_background_is_not_tried_with_each_call(
    zoho: Sandbox, keeper: Keeper, stale: Token, refreshes: Count, events: list[Event]
) -> None:
    zoho.faults.server_error(times=None)
    for _ in range(10):
        assert keeper.access_token(ALICE) == stale.access_token
        until_idle(keeper._manager)
    assert refreshes() == 1, "nobody waits: it is not asked again at once"
    assert [type(e.error) for e in events if isinstance(e, RefreshFailed)] == [AccountsUnavailable]
    zoho.faults.clear()
    zoho.clock.advance(minutes=1.9)
    assert keeper.access_token(ALICE) == stale.access_token
    until_idle(keeper._manager)
    assert keeper.access_token(ALICE) != stale.access_token


def test_a_server_in_trouble_is_not_asked_by_one_process_after_the_other(
    zoho: Sandbox, new_keeper: Callable[[], Keeper], stale: Token, refreshes: Count
) -> None:
    zoho.faults.server_error(times=None)
    for _ in range(8):
        keeper = new_keeper()
        assert keeper.access_token(ALICE) == stale.access_token
        until_idle(keeper._manager)
    assert refreshes() == 1
    zoho.faults.clear()
    zoho.clock.advance(minutes=1)
    again = new_keeper()
    again.access_token(ALICE)
    until_idle(again._manager)
    assert again.access_token(ALICE) != stale.access_token


def test_a_dead_grant_is_not_asked_for_again_and_again_by_schedulers(
    zoho: Sandbox, new_keeper: Callable[[], Keeper], log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    zoho.revoke(ALICE)
    keepers = [new_keeper() for _ in range(4)]
    for _ in range(60):
        zoho.clock.advance(minutes=4)
        for keeper in keepers:
            keeper.refresh_due()
            until_idle(keeper._manager)
    assert refreshes() <= 4, "once an hour by any of them: it might have been a mistake of Zoho's"
    log_in(ALICE)
    zoho.clock.advance(minutes=31)
    assert keepers[0].refresh_due() == 1, "another grant"


def test_a_revoked_grant_is_dead_once_a_refresh_in_the_background_has_learnt_it(
    zoho: Sandbox, keeper: Keeper, stale: Token, refreshes: Count
) -> None:
    zoho.revoke(ALICE)
    assert keeper.access_token(ALICE) == stale.access_token
    until_idle(keeper._manager)
    for _ in range(5):
        with pytest.raises(LoginRequired):
            keeper.access_token(ALICE)
        until_idle(keeper._manager)
    assert refreshes() == 1


def test_a_fresh_token_is_left_alone(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    for _ in range(54):
        zoho.clock.advance(minutes=1)
        keeper.access_token(ALICE)
    until_idle(keeper._manager)
    assert refreshes() == 0


def test_who_needs_the_token_for_longer_gets_one_that_lasts(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    first = log_in(ALICE)
    assert keeper.access_token(ALICE, min_ttl=50 * MINUTE) == first.access_token
    zoho.clock.advance(minutes=20)
    assert keeper.access_token(ALICE) == first.access_token
    assert keeper.access_token(ALICE, min_ttl=40 * MINUTE - MINUTE) == first.access_token
    assert refreshes() == 0
    longer = keeper.token(ALICE, min_ttl=41 * MINUTE)
    assert longer.expires_at
    assert longer.expires_at - zoho.clock() > 41 * MINUTE
    assert refreshes() == 1
    assert keeper.access_token(ALICE) == longer.access_token


def test_threads_with_different_needs_share_what_serves_them(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    zoho.clock.advance(minutes=20)
    zoho.faults.latency(0.1)
    lives = [minutes * MINUTE for minutes in (0, 10, 30, 45, 50)] * 4

    def left(life: timedelta) -> bool:
        expires_at = keeper.token(ALICE, min_ttl=life).expires_at
        return expires_at is not None and expires_at - zoho.clock() >= life

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(left, lives))
    assert refreshes() == 1


def test_nobody_is_handed_less_life_than_asked_for(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(minutes=30)
    zoho.faults.throttle(times=None)
    with pytest.raises(Throttled):
        keeper.access_token(ALICE, min_ttl=40 * MINUTE)
    assert keeper.access_token(ALICE, min_ttl=20 * MINUTE) == token.access_token
    for life in (51 * MINUTE, -MINUTE):
        with pytest.raises(ValueError, match="min_ttl"):
            keeper.access_token(ALICE, min_ttl=life)


def test_what_is_at_hand_is_handed_out_without_waiting(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    assert keeper.cached_token(ALICE) is None
    log_in(ALICE)
    assert keeper.cached_token(ALICE) is None, "it was not asked for yet"
    token = keeper.token(ALICE)
    assert keeper.cached_token(ALICE) == token
    zoho.clock.advance(minutes=57)
    assert keeper.cached_token(ALICE) is None, (
        "it is worth refreshing, which is for `token` to begin"
    )
    assert refreshes() == 0


def test_what_cannot_be_refreshed_is_at_hand_until_it_expires(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    token = log_in(ALICE)
    lone = keeper.store.save_token(
        replace(token, refresh_token=None), expected_version=token.version
    )
    zoho.clock.advance(minutes=58)
    assert keeper.token(ALICE) == lone == keeper.cached_token(ALICE)
    zoho.clock.advance(minutes=1)
    assert keeper.cached_token(ALICE) is None


def test_a_scheduler_keeps_tokens_fresh_that_nobody_asks_for(
    zoho: Sandbox,
    store: TokenStore,
    accounts: Accounts,
    boat: Path,
    log_in: LogIn,
    refreshes: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler, "INTERVAL_S", 0.01)
    first = {user: log_in(user) for user in (ALICE, BOB)}
    with Keeper(store, accounts, lifeboat=boat, background=True) as keeper:
        zoho.clock.advance(minutes=31)
        until(lambda: refreshes() == 2)
        until_idle(keeper._manager)
        for user, token in first.items():
            assert keeper.find(user).access_token != token.access_token
        time.sleep(0.1)
        assert refreshes() == 2
    zoho.clock.advance(minutes=31)
    time.sleep(0.05)
    assert refreshes() == 2, "closed is closed"


def test_a_scheduler_can_be_told_whom_to_keep(
    zoho: Sandbox,
    store: TokenStore,
    accounts: Accounts,
    boat: Path,
    log_in: LogIn,
) -> None:
    alice, bob = log_in(ALICE), log_in(BOB)
    with Keeper(store, accounts, lifeboat=boat) as keeper:
        keeper._scheduler._users = [ALICE, "nobody@example.com"]
        assert keeper.refresh_due() == 0
        zoho.clock.advance(minutes=31)
        assert keeper.refresh_due() == 1
        until_idle(keeper._manager)
        assert keeper.find(ALICE).access_token != alice.access_token
        assert keeper.find(BOB).access_token == bob.access_token


def test_a_keeper_that_is_closed_still_answers(
    keeper: Keeper, zoho: Sandbox, log_in: LogIn
) -> None:
    log_in(ALICE)
    keeper.close()
    zoho.clock.advance(hours=1)
    assert keeper.access_token(ALICE)
