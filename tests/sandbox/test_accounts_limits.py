"""Fifteen alive, ten in ten minutes, twenty for a user: Zoho's limits, each a setting."""

from __future__ import annotations

import threading

import pytest

from evergrant.sandbox import Sandbox, Settings
from tests.support.sandbox.accounts_caller import ALICE, BOB, Caller, data, query_of

THROTTLED = {
    "error_description": "You have made too many requests continuously. "
    "Please try again after some time.",
    "error": "Access Denied",
    "status": "failure",
}


def test_the_eleventh_refresh_in_ten_minutes_is_throttled(zoho: Sandbox, app: Caller) -> None:
    refresh_token = app.login()["refresh_token"]
    for _ in range(10):
        assert "access_token" in data(app.refresh(refresh_token))
        zoho.clock.advance(seconds=30)
    answer = app.refresh(refresh_token)
    assert (answer.status, data(answer)) == (400, THROTTLED)


def test_a_throttle_lasts_for_the_rest_of_its_ten_minutes(zoho: Sandbox, app: Caller) -> None:
    refresh_token = app.login()["refresh_token"]
    for _ in range(11):
        app.refresh(refresh_token)
    zoho.clock.advance(minutes=10, seconds=-1)
    assert app.refresh(refresh_token).status == 400
    zoho.clock.advance(seconds=1)
    assert "access_token" in data(app.refresh(refresh_token))


def test_a_throttle_strikes_one_refresh_token_alone(app: Caller) -> None:
    first, second = app.login()["refresh_token"], app.login()["refresh_token"]
    for _ in range(11):
        app.refresh(first)
    assert app.refresh(first).status == 400
    assert "access_token" in data(app.refresh(second))


def test_a_throttled_token_still_works(zoho: Sandbox, app: Caller) -> None:
    granted = app.login()
    for _ in range(11):
        app.refresh(granted["refresh_token"])
    assert app.status_of(granted["access_token"]) == 200


def test_a_throttle_may_come_with_status_200() -> None:
    with Sandbox(settings=Settings(throttle_status=200, mints=1)) as zoho:
        app = Caller(zoho)
        refresh_token = app.login()["refresh_token"]
        app.refresh(refresh_token)
        answer = app.refresh(refresh_token)
        assert (answer.status, data(answer)) == (200, THROTTLED)


def test_sixteen_threads_refresh_and_ten_succeed(app: Caller) -> None:
    refresh_token = app.login()["refresh_token"]
    together = threading.Barrier(16)
    answers = []

    def refresh() -> None:
        together.wait()
        answers.append(data(app.refresh(refresh_token)))

    threads = [threading.Thread(target=refresh) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tokens = {answer["access_token"] for answer in answers if "access_token" in answer}
    assert len(tokens) == 10
    assert [answer for answer in answers if "access_token" not in answer] == [THROTTLED] * 6


def test_the_sixteenth_access_token_drops_the_oldest(zoho: Sandbox, app: Caller) -> None:
    granted = app.login()
    tokens = [granted["access_token"]]
    for number in range(15):
        if number == 9:
            zoho.clock.advance(minutes=10)
        tokens.append(data(app.refresh(granted["refresh_token"]))["access_token"])
    assert [app.status_of(token) for token in tokens] == [401] + [200] * 15


def test_expired_access_tokens_do_not_count_as_active(zoho: Sandbox, app: Caller) -> None:
    granted = app.login()
    for _ in range(9):
        app.refresh(granted["refresh_token"])
    zoho.clock.advance(hours=1)
    tokens = [data(app.refresh(granted["refresh_token"]))["access_token"] for _ in range(10)]
    assert [app.status_of(token) for token in tokens] == [200] * 10


def test_the_twenty_first_refresh_token_drops_the_oldest_with_its_access_tokens(
    zoho: Sandbox, app: Caller
) -> None:
    bob = app.login(BOB)
    other_client = Caller(zoho, zoho.add_client()).login()
    grants: list[dict[str, str]] = []
    for number in range(21):
        if number in {10, 20}:
            assert all(app.status_of(grant["access_token"]) == 200 for grant in grants)
            zoho.clock.advance(minutes=10)
        grants.append(app.login())
    first, *others = grants
    assert data(app.refresh(first["refresh_token"])) == {"error": "invalid_code"}
    assert app.status_of(first["access_token"]) == 401
    for granted in (*others, bob, other_client):
        assert app.status_of(granted["access_token"]) == 200
    for granted in others:
        assert "access_token" in data(app.refresh(granted["refresh_token"]))


def test_the_eleventh_refresh_token_in_ten_minutes_is_throttled(zoho: Sandbox, app: Caller) -> None:
    for _ in range(10):
        app.login()
    code = zoho.grant_code(ALICE)
    answer = app.exchange(code)
    assert (answer.status, data(answer)) == (400, THROTTLED)
    assert "refresh_token" in app.login(BOB)


def test_the_eleventh_code_of_a_client_is_denied(zoho: Sandbox, app: Caller) -> None:
    for user in (ALICE, BOB) * 5:
        assert "code" in query_of(zoho.consent(app.auth_url(), user))
    denied = zoho.consent(app.auth_url(state="s"))
    assert query_of(denied) == {"error": "access_denied", "state": "s"}
    zoho.clock.advance(minutes=10)
    assert "code" in query_of(zoho.consent(app.auth_url()))


def test_every_limit_is_a_setting() -> None:
    tight = Settings(
        active_access_tokens=2, refresh_tokens_per_user=1, grants=1, refresh_mints=3, mints=3
    )
    with Sandbox(settings=tight) as zoho:
        app = Caller(zoho)
        replaced, granted = app.login(), app.login()
        assert app.status_of(replaced["access_token"]) == 401
        refreshed = [data(app.refresh(granted["refresh_token"])) for _ in range(4)]
        assert ["access_token" in answer for answer in refreshed] == [True, True, True, False]
        alive = [granted, *refreshed[:3]]
        assert [app.status_of(each["access_token"]) for each in alive] == [401, 401, 200, 200]
        assert "refresh_token" in app.login()
        assert app.exchange(zoho.grant_code(ALICE)).status == 400
        assert "code" in query_of(zoho.consent(app.auth_url()))
        assert query_of(zoho.consent(app.auth_url())) == {"error": "access_denied"}


def test_a_simulated_month_leaves_nothing_behind(zoho: Sandbox, app: Caller) -> None:
    users = [ALICE, BOB]
    refresh_tokens = [app.login(user)["refresh_token"] for user in users]
    for _ in range(30 * 24):
        zoho.clock.advance(hours=1)
        for refresh_token in refresh_tokens:
            assert app.refresh(refresh_token).status == 200
        zoho.grant_code(ALICE)
        app.login(BOB, offline=False)
    grants = zoho._state.grants
    kept = (grants._by_access_token, grants._expiring_tokens, grants._codes, grants._expiring_codes)
    assert [len(room) for room in kept] == [3, 3, 1, 2]
    assert sum(len(each) for each in grants._of_user.values()) == 3


@pytest.mark.parametrize("wrong", ["client", "secret"])
def test_a_refused_request_uses_up_no_share(app: Caller, wrong: str) -> None:
    refresh_token = app.login()["refresh_token"]
    for _ in range(20):
        app.refresh(refresh_token, **{f"client_{'id' if wrong == 'client' else wrong}": "x"})
    assert "access_token" in data(app.refresh(refresh_token))


def test_limits_can_be_lifted() -> None:
    with Sandbox(settings=Settings().without_limits()) as zoho:
        app = Caller(zoho)
        granted = app.login()
        answers = [data(app.refresh(granted["refresh_token"])) for _ in range(20)]
        assert all("access_token" in answer for answer in answers)
        assert app.status_of(granted["access_token"]) == 200
        for _ in range(25):
            app.login()
        assert "access_token" in data(app.refresh(granted["refresh_token"]))
