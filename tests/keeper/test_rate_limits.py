"""Zoho's limits are kept to together: what one process used, the others know."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evergrant import Accounts, Keeper, Token, open_store
from evergrant.errors import (
    AccountsUnavailable,
    CodeSpent,
    InvalidClient,
    StoreUnavailable,
    Throttled,
)
from evergrant.events import Event, GrantLimitNear
from evergrant.sandbox import Sandbox
from evergrant.testing.in_process_transport import in_process_transport

LogIn = Callable[[str], Token]
NewKeeper = Callable[[], Keeper]
Count = Callable[[], int]

ALICE, BOB = "alice@example.com", "bob@example.com"


def test_the_eleventh_of_ten_minutes_is_not_even_sent(
    zoho: Sandbox, new_keeper: NewKeeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    keepers = [new_keeper() for _ in range(4)]
    for number in range(10):
        keepers[number % 4].refresh(ALICE)
    for keeper in keepers:
        with pytest.raises(Throttled) as caught:
            keeper.refresh(ALICE)
        assert caught.value.retry_at <= zoho.clock() + timedelta(minutes=10, seconds=1)
    assert refreshes() == 10
    zoho.clock.advance(seconds=(caught.value.retry_at - zoho.clock()).total_seconds())
    assert keepers[0].refresh(ALICE).access_token


def test_callers_with_a_valid_token_keep_it(
    zoho: Sandbox, new_keeper: NewKeeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    keeper = new_keeper()
    for _ in range(10):
        last = keeper.refresh(ALICE)
    for other in (keeper, new_keeper()):
        assert other.access_token(ALICE) == last.access_token
    assert refreshes() == 10


def test_a_throttle_that_one_process_met_is_known_to_all(
    zoho: Sandbox, new_keeper: NewKeeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.throttle()
    with pytest.raises(Throttled) as met:
        new_keeper().access_token(ALICE)
    for _ in range(3):
        with pytest.raises(Throttled) as told:
            new_keeper().access_token(ALICE)
        assert abs(told.value.retry_at - met.value.retry_at) < timedelta(milliseconds=1)
    assert refreshes() == 1


def test_a_new_login_has_a_budget_of_its_own(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    for _ in range(10):
        keeper.refresh(ALICE)
    log_in(ALICE)
    keeper.refresh(ALICE)
    assert refreshes() == 11


def test_no_living_access_token_is_pushed_out(zoho: Sandbox, keeper: Keeper, log_in: LogIn) -> None:
    login = log_in(ALICE)
    for _ in range(10):
        keeper.refresh(ALICE)
    zoho.clock.advance(minutes=11)
    for _ in range(4):
        keeper.refresh(ALICE)
    with pytest.raises(Throttled) as caught:
        keeper.refresh(ALICE)
    assert caught.value.retry_at > zoho.clock() + timedelta(minutes=48)
    assert keeper.accounts.fetch_owner(login), "the first one lives"


@pytest.mark.parametrize("trouble", ["server_error", "html", "empty"])
def test_what_zoho_did_not_grant_does_not_count(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, trouble: str
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    getattr(zoho.faults, trouble)(times=12)
    for _ in range(4):
        with pytest.raises(AccountsUnavailable):
            keeper.access_token(ALICE)
    for _ in range(10):
        keeper.refresh(ALICE)


def test_an_answer_that_was_lost_counts(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    zoho.faults.drop_answer(times=2)
    keeper.refresh(ALICE)
    for _ in range(7):
        keeper.refresh(ALICE)
    with pytest.raises(Throttled):
        keeper.refresh(ALICE)
    assert refreshes() == 10


def test_a_budget_is_kept_even_if_the_store_cannot_note_it(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch, refreshes: Count
) -> None:
    def fail(*args: object, **kwargs: object) -> str:
        raise StoreUnavailable("the disk is full")

    log_in(ALICE)
    monkeypatch.setattr(keeper.store, "update_note", fail)
    for _ in range(10):
        keeper.refresh(ALICE)
    with pytest.raises(Throttled):
        keeper.refresh(ALICE)
    assert refreshes() == 10


def test_who_comes_near_the_limit_of_grants_is_warned_in_time(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, events: list[Event]
) -> None:
    first = log_in(ALICE)
    for number in range(19):
        if number % 9 == 8:
            zoho.clock.advance(minutes=11)
        log_in(ALICE)
    warned = [event for event in events if isinstance(event, GrantLimitNear)]
    assert [(event.count, event.most) for event in warned] == [(18, 20), (19, 20), (20, 20)]
    assert warned[0].user == first.user_name
    assert keeper.accounts.refresh(first).access_token, "Zoho has not dropped it yet"


def test_a_revoked_grant_does_not_count(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, events: list[Event]
) -> None:
    for number in range(20):
        if number % 9 == 8:
            zoho.clock.advance(minutes=11)
        log_in(ALICE)
        keeper.revoke(ALICE)
    assert not [event for event in events if isinstance(event, GrantLimitNear)]


def test_a_code_is_sent_once_whoever_has_it(zoho: Sandbox, new_keeper: NewKeeper) -> None:
    code = zoho.grant_code(ALICE, self_client=True)
    token = new_keeper().login_with_code(code)
    for _ in range(2):
        with pytest.raises(CodeSpent, match="was sent to Zoho before"):
            new_keeper().login_with_code(code)
    assert zoho.calls.count(path="/oauth/v2/token", grant_type="authorization_code") == 1
    assert new_keeper().access_token(ALICE) == token.access_token


def test_a_code_whose_answer_was_lost_is_not_sent_again(
    zoho: Sandbox, new_keeper: NewKeeper
) -> None:
    code = zoho.grant_code(ALICE, self_client=True)
    zoho.faults.drop_answer()
    with pytest.raises(AccountsUnavailable):
        new_keeper().login_with_code(code)
    with pytest.raises(CodeSpent):
        new_keeper().login_with_code(code)
    assert zoho.calls.count(path="/oauth/v2/token", grant_type="authorization_code") == 1


def test_a_code_that_zoho_did_not_take_works_once_the_settings_are_right(
    zoho: Sandbox, keeper: Keeper, accounts: Accounts
) -> None:
    code = zoho.grant_code(ALICE, self_client=True)
    wrong = Accounts(
        zoho.client.client_id, "wrong", data_centers=zoho.data_centers, clock=zoho.clock
    )
    with wrong, pytest.raises(InvalidClient):
        Keeper(keeper.store, wrong).login_with_code(code)
    assert keeper.login_with_code(code).id


MINUTES = st.integers(0, 25)
STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "refresh", "reject", "long"]), st.integers(0, 2), MINUTES),
    max_size=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_no_schedule_of_callers_meets_zohos_limits(
    steps: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three processes on one store, whatever they ask for and when."""
    folder = tmp_path_factory.mktemp("boat")
    with Sandbox() as zoho:
        app = zoho.client
        accounts = Accounts(
            app.client_id,
            app.client_secret,
            data_centers=zoho.data_centers,
            send=in_process_transport(zoho),
            clock=zoho.clock,
        )
        store = open_store("memory:")
        keepers = [Keeper(store, accounts, lifeboat=folder) for _ in range(3)]
        handed = [keepers[0].login_with_code(zoho.grant_code(ALICE))]
        for action, number, minutes in steps:
            zoho.clock.advance(minutes=minutes)
            keeper = keepers[number]
            got = act(keeper, action)
            if isinstance(got, Token):
                handed.append(got)
            else:
                assert got.code is None, "Zoho itself had to say so"
                assert got.retry_at > zoho.clock()
            for token in handed:
                if token.expires_at and token.expires_at > zoho.clock():
                    assert accounts.fetch_owner(token), "a living token was pushed out"
            while not all(one._manager.is_idle for one in keepers):
                time.sleep(0.001)


def act(keeper: Keeper, action: str) -> Token | Throttled:
    try:
        if action == "refresh":
            return keeper.refresh(ALICE)
        if action == "reject":
            return keeper.replace_rejected(ALICE, keeper.find(ALICE))
        return keeper.token(ALICE, min_ttl=timedelta(minutes=45 if action == "long" else 0))
    except Throttled as error:
        return error
