"""The page for people: what it shows, what its buttons do, and who may press them."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from evergrant.sandbox import Sandbox
from evergrant.sandbox.messages import Response
from tests.support.sandbox.accounts_caller import ALICE, FORM, Ask, Caller, data

PAGE = "/_sandbox/page"


def show(zoho: Sandbox) -> str:
    answer = zoho.send(Ask("GET", f"{zoho.url}/"))
    assert answer.status == 200
    return answer.body.decode()


def press(zoho: Sandbox, do: str, **fields: str) -> Response:
    key = re.findall('name="key" value="([^"]+)"', show(zoho))[0]
    body = urlencode({"key": key, "do": do, **fields}).encode()
    return zoho.send(Ask("POST", zoho.url + PAGE, FORM, body))


def test_it_shows_what_there_is(zoho: Sandbox, app: Caller) -> None:
    zoho.add_user("dora@example.com", first_name="<Dora>", services=["desk"])
    app.login()
    app.get("/oauth/v2/introspect")
    page = show(zoho)
    for shown in (
        zoho.client.client_id,
        zoho.client.client_secret,
        ALICE,
        zoho.user(ALICE).orgs[0].zgid,
        "&lt;Dora&gt;",
        "<td>desk</td>",
        "POST /oauth/v2/token",
        "authorization_code",
        "address /oauth/v2/introspect (1)",
        f"{zoho.clock.now():%Y-%m-%d}",
    ):
        assert shown in page
    assert "<Dora>" not in page


def test_looking_is_no_call(zoho: Sandbox) -> None:
    show(zoho)
    zoho.send(Ask("GET", f"{zoho.url}/favicon.ico"))
    press(zoho, "forget")
    assert len(zoho.calls) == 0


def test_the_clock_is_moved(zoho: Sandbox, app: Caller) -> None:
    token = app.login()["access_token"]
    answer = press(zoho, "advance", seconds="3600")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert app.status_of(token) == 401


def test_a_code_is_made_as_in_the_api_console(zoho: Sandbox, app: Caller) -> None:
    account = f"{ALICE}:{zoho.user(ALICE).orgs[0].zgid}"
    scopes = "ZohoCRM.modules.ALL, Desk.tickets.READ"
    answer = press(zoho, "code", account=account, client=zoho.client.client_id, scopes=scopes)
    (code,) = re.findall(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", answer.body.decode())
    assert "for 3 minutes" in answer.body.decode()
    granted = data(app.exchange(code))
    assert granted["scope"] == "ZohoCRM.modules.ALL Desk.tickets.READ"
    assert granted["refresh_token"]


def test_tokens_expire_and_grants_end(zoho: Sandbox, app: Caller) -> None:
    granted = app.login()
    assert press(zoho, "expire", user=ALICE).status == 303
    assert app.status_of(granted["access_token"]) == 401
    assert "access_token" in data(app.refresh(granted["refresh_token"]))
    assert press(zoho, "revoke", user=ALICE).status == 303
    assert data(app.refresh(granted["refresh_token"]))["error"] == "invalid_code"


@pytest.mark.parametrize(
    "kind",
    ["throttle", "server_error", "html", "empty", "half_json", "drop_answer", "refuse"],
)
def test_a_fault_is_planned_and_mended(zoho: Sandbox, app: Caller, kind: str) -> None:
    refresh = app.login()["refresh_token"]
    assert press(zoho, "fault", kind=kind, times="", where="all").status == 303
    assert f"{kind} of /, always" in show(zoho)
    if kind in ("drop_answer", "refuse"):
        with pytest.raises(ConnectionError):
            app.refresh(refresh)
    else:
        assert b"expires_in" not in app.refresh(refresh).body
    assert press(zoho, "mend").status == 303
    assert "access_token" in data(app.refresh(refresh))


def test_a_late_answer_is_planned(zoho: Sandbox) -> None:
    press(zoho, "fault", kind="latency", times="3", where="token")
    assert "latency of /oauth/v2/token, 3 more" in show(zoho)


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("advance", {"seconds": "soon"}),
        ("advance", {"seconds": "1e300"}),
        ("advance", {"seconds": "nan"}),
        ("advance", {}),
        ("code", {"account": "nobody@example.com:1", "client": "x", "scopes": "a"}),
        ("code", {"account": f"{ALICE}:1", "client": "x", "scopes": "a"}),
        ("expire", {"user": "nobody@example.com"}),
        ("fault", {"kind": "flood", "times": "1"}),
        ("fault", {"kind": "html", "times": "0"}),
        ("explode", {}),
    ],
)
def test_what_cannot_be_is_told_on_the_page(zoho: Sandbox, do: str, fields: dict[str, str]) -> None:
    answer = press(zoho, do, **fields)
    assert answer.status == 200
    assert '<p role="status">' in answer.body.decode()


def test_another_site_cannot_press_its_buttons(zoho: Sandbox) -> None:
    before = zoho.clock.now()
    for key in ({}, {"key": "guess"}, {"key": "ü"}):
        body = urlencode({**key, "do": "advance", "seconds": "60"}).encode()
        assert zoho.send(Ask("POST", zoho.url + PAGE, FORM, body)).status == 403
    assert zoho.send(Ask("GET", zoho.url + PAGE)).status == 403
    assert zoho.clock.now() == before


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8790", 200), ("localhost:8790", 200), ("evil.example:8790", 403), ("", 403)],
)
def test_a_foreign_name_of_this_machine_sees_nothing(zoho: Sandbox, host: str, status: int) -> None:
    assert zoho.send(Ask("GET", f"{zoho.url}/", {"Host": host})).status == status


def test_orgs_of_other_kinds_have_no_page(zoho: Sandbox) -> None:
    home = zoho.data_center("us")
    assert zoho.send(Ask("GET", f"{home.sandbox_url}/")).status == 401
    assert zoho.send(Ask("GET", f"{zoho.data_center('eu').accounts_url}/")).status == 200
