"""What goes wrong on purpose does so as often as asked, where asked, and no more."""

from __future__ import annotations

import threading

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sandbox.accounts_caller import TOKEN, Caller, data


def test_a_server_error_passes(zoho: Sandbox, app: Caller) -> None:
    refresh_token = app.login()["refresh_token"]
    zoho.faults.server_error(503, b"busy", times=2)
    for _ in range(2):
        answer = app.refresh(refresh_token)
        assert (answer.status, answer.body) == (503, b"busy")
    assert "access_token" in data(app.refresh(refresh_token))


def test_a_fault_that_answers_executes_nothing(zoho: Sandbox, app: Caller) -> None:
    code = app.zoho.grant_code("alice@example.com")
    for fault in (zoho.faults.html, zoho.faults.empty, zoho.faults.half_json):
        fault()
        assert b"access_token" not in app.exchange(code).body[:12]
    zoho.faults.throttle()
    assert data(app.exchange(code))["error"] == "Access Denied"
    assert "access_token" in data(app.exchange(code))


def test_wrong_answers_look_as_they_say(zoho: Sandbox, app: Caller) -> None:
    zoho.faults.html()
    page = app.exchange("x")
    assert (page.status, page.headers["content-type"][:9]) == (200, "text/html")
    zoho.faults.empty()
    assert app.exchange("x").body == b""
    zoho.faults.half_json()
    with pytest.raises(ValueError, match="Unterminated"):
        data(app.exchange("x"))


def test_a_dropped_answer_was_executed(zoho: Sandbox, app: Caller) -> None:
    code = zoho.grant_code("alice@example.com")
    zoho.faults.drop_answer()
    with pytest.raises(ConnectionResetError):
        app.exchange(code)
    assert data(app.exchange(code)) == {"error": "invalid_code"}
    assert [call.status for call in zoho.calls] == [200, 200]


def test_a_refused_connection_executed_nothing(zoho: Sandbox, app: Caller) -> None:
    code = zoho.grant_code("alice@example.com")
    zoho.faults.refuse(2)
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            app.exchange(code)
    assert "access_token" in data(app.exchange(code))
    assert [call.status for call in zoho.calls] == [0, 0, 200]


def test_a_fault_strikes_its_path_alone(zoho: Sandbox, app: Caller) -> None:
    zoho.faults.server_error(path="/oauth/serverinfo")
    assert app.exchange("x").status == 200
    assert app.post(f"{TOKEN}/revoke", token="x").status == 400
    assert app.get("/oauth/serverinfo").status == 500
    assert app.get("/oauth/serverinfo").status == 200


def test_a_path_with_a_slash_at_its_end_stands_for_all_below(zoho: Sandbox, app: Caller) -> None:
    zoho.faults.server_error(path="/oauth/", times=None)
    paths = ("/oauth/serverinfo", "/oauth/user/info", "/oauth/v2/auth")
    assert [app.get(path).status for path in paths] == [500] * 3
    assert app.get("/crm/v8/org").status == 401
    zoho.faults.clear()
    assert app.get("/oauth/serverinfo").status == 200


def test_faults_strike_in_the_order_they_were_planned(zoho: Sandbox, app: Caller) -> None:
    zoho.faults.server_error(500)
    zoho.faults.throttle()
    zoho.faults.server_error(502)
    assert [app.exchange("x").status for _ in range(4)] == [500, 400, 502, 200]


def test_a_fault_that_never_strikes_is_a_mistake(zoho: Sandbox) -> None:
    with pytest.raises(ValueError, match="at least once"):
        zoho.faults.throttle(times=0)


def test_latency_comes_on_top_and_holds_nobody_else_up(zoho: Sandbox, app: Caller) -> None:
    zoho.faults.latency(60)
    zoho.faults.server_error()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(app.exchange("x").status))
    slow.start()
    assert app.get("/oauth/serverinfo").status == 200
    assert slow.is_alive()
    zoho.stop()
    slow.join()
    assert answers == [500]


def test_latency_ends_after_its_times(zoho: Sandbox, app: Caller) -> None:
    zoho.faults.latency(0.001, times=1)
    zoho.faults.latency(0, times=1)
    assert zoho.faults.take(TOKEN).delay == 0.001
    assert zoho.faults.take(TOKEN).delay == 0
    assert zoho.faults._plans == []


def test_a_fault_of_the_api(zoho: Sandbox, app: Caller) -> None:
    token = app.login()["access_token"]
    zoho.faults.server_error(path="/crm/")
    statuses = [app.get("/crm/v8/org", f"Zoho-oauthtoken {token}").status for _ in range(2)]
    assert statuses == [500, 200]
