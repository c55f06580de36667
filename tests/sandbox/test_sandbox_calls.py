from __future__ import annotations

from datetime import timedelta

import pytest

from evergrant.sandbox import Call, Sandbox
from evergrant.sandbox.calls import Calls
from tests.support.sandbox.accounts_caller import ALICE, BOB, CAROL, TOKEN, Caller


def test_every_call_is_noted_with_its_user(zoho: Sandbox, app: Caller) -> None:
    zoho.clock.advance(minutes=1)
    granted = app.login(BOB)
    app.refresh(granted["refresh_token"])
    app.get("/oauth/user/info", f"Bearer {granted['access_token']}")
    app.get("/crm/v8/org?x=y", "Bearer nonsense")
    Caller(zoho, data_center="eu").exchange("x")
    at = zoho.clock.now()
    assert list(zoho.calls) == [
        Call("us", "POST", TOKEN, 200, "authorization_code", BOB, at),
        Call("us", "POST", TOKEN, 200, "refresh_token", BOB, at),
        Call("us", "GET", "/oauth/user/info", 200, None, BOB, at),
        Call("us", "GET", "/crm/v8/org", 401, None, None, at, service="crm"),
        Call("eu", "POST", TOKEN, 200, "authorization_code", None, at),
    ]
    assert (len(zoho.calls), zoho.calls[-1].data_center) == (5, "eu")


def test_a_call_that_a_fault_answers_is_noted_as_what_it_was(zoho: Sandbox, app: Caller) -> None:
    granted = app.login()
    zoho.calls.clear()
    zoho.faults.throttle()
    app.refresh(granted["refresh_token"])
    assert [(call.status, call.grant_type, call.user) for call in zoho.calls] == [
        (400, "refresh_token", ALICE)
    ]


def test_calls_are_counted_by_what_is_asked(zoho: Sandbox, app: Caller) -> None:
    alice, bob = app.login(ALICE), app.login(BOB)
    zoho.clock.advance(hours=1)
    for granted in (alice, bob, bob):
        app.refresh(granted["refresh_token"])
    count = zoho.calls.count
    assert count() == 5
    assert count(path=TOKEN) == 5
    assert count(path="/oauth/v2/auth") == 0
    assert count(grant_type="refresh_token") == 3
    assert count(path=TOKEN, grant_type="refresh_token", user=BOB) == 2
    assert count(user=ALICE) == 2
    assert count(user=ALICE, since=zoho.clock.now()) == 1
    assert count(since=zoho.clock.now() - timedelta(hours=1)) == 5
    assert count(grant_type="refresh_token", since=zoho.clock.now() + timedelta(1)) == 0
    zoho.calls.clear()
    assert (count(), len(zoho.calls)) == (0, 0)


def test_counts_stay_exact_when_calls_are_let_go(zoho: Sandbox) -> None:
    calls, now = Calls(keep=3), zoho.clock.now()
    for number in range(10):
        at = now + timedelta(seconds=number)
        calls.record(Call("us", "POST", TOKEN, 200, None, CAROL, at))
    assert (len(calls), calls.count(), calls.count(user=CAROL)) == (3, 10, 10)
    assert calls.count(since=now + timedelta(seconds=8)) == 2
    with pytest.raises(LookupError, match="last 3"):
        calls.count(since=now + timedelta(seconds=7))


def test_what_a_stranger_sends_as_grant_type_is_not_kept(zoho: Sandbox, app: Caller) -> None:
    app.token("1000.a-misplaced-secret")
    assert zoho.calls[0].grant_type is None


def test_the_log_shows_no_secret(zoho: Sandbox, app: Caller) -> None:
    code = zoho.grant_code(ALICE)
    granted = app.exchange(code)
    refresh_token = app.login()["refresh_token"]
    app.refresh(refresh_token)
    app.post(f"/oauth/v2/token/revoke?token={refresh_token}")
    shown = repr([*zoho.calls, granted, zoho.client, zoho._state])
    assert "1000." in shown
    for secret in (code, refresh_token, zoho.client.client_secret):
        assert secret not in shown
