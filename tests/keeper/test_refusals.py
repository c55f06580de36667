"""Zoho says no, or nothing: told apart, remembered, and never asked for again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant.errors import (
    AccountsUnavailable,
    InvalidClient,
    LoginRequired,
    NoRefreshToken,
    OAuthError,
    Throttled,
    UntrustedServer,
)
from evergrant.events import Event, RefreshFailed
from evergrant.sandbox import Sandbox, Settings

LogIn = Callable[[str], Token]
Count = Callable[[], int]

ALICE = "alice@example.com"
TEN_MINUTES = timedelta(minutes=10)


def failures(events: list[Event]) -> list[type[Exception]]:
    return [type(event.error) for event in events if isinstance(event, RefreshFailed)]


def test_the_eleventh_refresh_is_throttled_and_that_is_remembered(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count, events: list[Event]
) -> None:
    log_in(ALICE)
    for _ in range(10):
        last = keeper.refresh(ALICE)
    with pytest.raises(Throttled) as caught:
        keeper.refresh(ALICE)
    assert refreshes() == 10, "it is not even sent"
    left = caught.value.retry_at - zoho.clock() - TEN_MINUTES
    assert timedelta(seconds=-5) < left <= timedelta(seconds=1)
    assert (caught.value.token_id, caught.value.user) == (last.id, last.user_name)
    for _ in range(30):
        with pytest.raises(Throttled) as again:
            keeper.refresh(ALICE)
        assert again.value.retry_at == caught.value.retry_at
        assert again.value is not caught.value
    assert refreshes() == 10
    assert failures(events) == [Throttled]


def test_a_still_valid_token_is_served_while_throttled(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    token = log_in(ALICE)
    zoho.faults.throttle(times=None)
    with pytest.raises(Throttled):
        keeper.refresh(ALICE)
    zoho.clock.advance(minutes=59, seconds=30)
    for _ in range(5):
        assert keeper.access_token(ALICE) == token.access_token
    assert refreshes() == 2
    zoho.clock.advance(minutes=1)
    with pytest.raises(Throttled):
        keeper.access_token(ALICE)
    assert refreshes() == 2


def test_a_throttle_passes(zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.throttle()
    with pytest.raises(Throttled) as caught:
        keeper.access_token(ALICE)
    zoho.clock.advance(minutes=9)
    with pytest.raises(Throttled):
        keeper.access_token(ALICE)
    assert refreshes() == 1
    zoho.clock.advance(seconds=(caught.value.retry_at - zoho.clock()).total_seconds())
    assert keeper.access_token(ALICE)
    assert refreshes() == 2


@pytest.mark.parametrize("status", [200, 400])
def test_a_throttle_is_no_revocation_whatever_its_status(store: TokenStore, status: int) -> None:
    with (
        Sandbox(settings=Settings(throttle_status=status)) as zoho,
        Accounts(
            zoho.client.client_id, zoho.client.client_secret, data_centers=zoho.data_centers
        ) as accounts,
    ):
        keeper = Keeper(store, accounts)
        keeper.login_with_code(zoho.grant_code(ALICE))
        zoho.faults.throttle()
        with pytest.raises(Throttled):
            keeper.refresh(ALICE)


def test_one_users_throttle_is_not_anothers(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    log_in("bob@example.com")
    zoho.faults.throttle()
    with pytest.raises(Throttled):
        keeper.refresh(ALICE)
    keeper.refresh("bob@example.com")
    assert refreshes() == 2


def test_a_revoked_grant_wants_a_login_and_is_not_asked_for_each_time(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count, events: list[Event]
) -> None:
    token = log_in(ALICE)
    zoho.revoke(ALICE)
    zoho.clock.advance(hours=1)
    for _ in range(30):
        with pytest.raises(LoginRequired) as caught:
            keeper.access_token(ALICE)
    assert (caught.value.token_id, caught.value.user) == (token.id, token.user_name)
    assert refreshes() == 1
    assert failures(events) == [LoginRequired]
    assert keeper.store.get_tokens() == [token]
    zoho.clock.advance(minutes=11)
    with pytest.raises(LoginRequired):
        keeper.access_token(ALICE)
    assert refreshes() == 2


def test_a_grant_that_was_pushed_out_by_newer_logins_wants_a_login(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    log_in(ALICE)
    for number in range(20):
        if number % 9 == 8:
            zoho.clock.advance(minutes=11)
        keeper.accounts.exchange(zoho.grant_code(ALICE))
    zoho.clock.advance(hours=1)
    with pytest.raises(LoginRequired, match="pushed out by newer logins"):
        keeper.access_token(ALICE)


TROUBLES: dict[str, Callable[[Sandbox], None]] = {
    "500": lambda zoho: zoho.faults.server_error(times=None),
    "503 without a word": lambda zoho: zoho.faults.empty(times=None, status=503),
    "a web page": lambda zoho: zoho.faults.html(times=None),
    "an empty body": lambda zoho: zoho.faults.empty(times=None),
    "half a JSON": lambda zoho: zoho.faults.half_json(times=None),
    "nothing, though it was done": lambda zoho: zoho.faults.drop_answer(times=None),
    "nothing at all": lambda zoho: zoho.faults.refuse(times=None),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_zoho_without_an_answer_is_asked_three_times_and_harms_nothing(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    refreshes: Count,
    events: list[Event],
    trouble: str,
) -> None:
    token = log_in(ALICE)
    zoho.clock.advance(hours=1)
    TROUBLES[trouble](zoho)
    with pytest.raises(AccountsUnavailable) as caught:
        keeper.access_token(ALICE)
    assert caught.value.retryable
    assert refreshes() == 3
    assert failures(events) == [AccountsUnavailable]
    assert keeper.store.get_tokens() == [token]
    zoho.faults.clear()
    assert keeper.access_token(ALICE)
    assert refreshes() == 4


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_valid_token_outlives_a_zoho_that_is_down(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, trouble: str
) -> None:
    token = log_in(ALICE)
    TROUBLES[trouble](zoho)
    zoho.clock.advance(minutes=59, seconds=30)
    assert keeper.access_token(ALICE) == token.access_token


def test_a_moment_without_an_answer_goes_unnoticed(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.server_error(status=502, times=2)
    assert keeper.access_token(ALICE)
    assert refreshes() == 3


def test_nobody_at_the_door(zoho: Sandbox, keeper: Keeper, log_in: LogIn) -> None:
    token = log_in(ALICE)
    zoho.stop()
    assert keeper.access_token(ALICE) == token.access_token
    zoho.clock.advance(hours=1)
    with pytest.raises(AccountsUnavailable) as caught:
        keeper.access_token(ALICE)
    assert not caught.value.sent


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirecting_accounts_server_is_not_followed(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, refreshes: Count, status: int
) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=1)
    zoho.faults.server_error(status=status, body=b"", times=None)
    with pytest.raises(UntrustedServer):
        keeper.access_token(ALICE)
    assert refreshes() == 1


def test_a_refusal_of_the_client_is_not_the_users_fault(
    zoho: Sandbox, store: TokenStore, log_in: LogIn, keeper: Keeper
) -> None:
    token = log_in(ALICE)
    app = zoho.client.client_id
    with (
        Accounts(app, "wrong", data_centers=zoho.data_centers, clock=zoho.clock) as accounts,
        pytest.raises(InvalidClient),
    ):
        Keeper(store, accounts).refresh(ALICE)
    assert keeper.store.get_tokens() == [token]


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "1000.x", "api_domain": "https://www.zohoapis.com.evil.example"}',
        b'{"access_token": "1000.x", "api_domain": "%s"}',
    ],
)
def test_an_answer_that_moves_the_token_elsewhere_is_refused(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, body: bytes
) -> None:
    token = log_in(ALICE)
    if b"%s" in body:
        body %= zoho.data_center("eu").api_url.encode()
    zoho.faults.server_error(status=200, body=body)
    with pytest.raises(UntrustedServer):
        keeper.refresh(ALICE)
    assert keeper.store.get_tokens() == [token]


def test_each_refusal_says_what_to_do(zoho: Sandbox, keeper: Keeper, log_in: LogIn) -> None:
    for kind in (Throttled, LoginRequired, NoRefreshToken, InvalidClient, AccountsUnavailable):
        assert issubclass(kind, OAuthError)
        assert kind.default_hint
