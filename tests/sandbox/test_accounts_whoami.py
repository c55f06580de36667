"""Whose a token is, where the data centers are, and who comes in at the CRM's door."""

from __future__ import annotations

import pytest

from evergrant.sandbox import Sandbox, Settings
from tests.support.sandbox.accounts_caller import ALICE, CAROL, Caller, data

INFO, CRM = "/oauth/user/info", "/crm/v8/org"
INVALID = {
    "code": "INVALID_TOKEN",
    "details": {},
    "message": "invalid oauth token",
    "status": "error",
}


@pytest.mark.parametrize("scheme", ["Zoho-oauthtoken", "Bearer"])
def test_user_info_tells_whose_the_token_is(zoho: Sandbox, app: Caller, scheme: str) -> None:
    answer = app.get(INFO, f"{scheme} {app.login()['access_token']}")
    assert answer.status == 200
    assert data(answer) == {
        "First_Name": "Alice",
        "Email": ALICE,
        "Last_Name": "Ames",
        "Display_Name": "Alice Ames",
        "ZUID": int(zoho.user(ALICE).zuid),
    }


def test_user_info_needs_the_profile_scope(app: Caller) -> None:
    token = app.login(scopes="ZohoCRM.modules.ALL")["access_token"]
    answer = app.get(INFO, f"Zoho-oauthtoken {token}")
    assert answer.status == 401
    assert data(answer)["cause"] == "INVALID_OAUTHSCOPE"


def test_scopes_are_the_same_in_either_case(app: Caller) -> None:
    token = app.login(scopes="aaaserver.profile.read")["access_token"]
    assert app.get(INFO, f"Zoho-oauthtoken {token}").status == 200


def test_user_info_refuses_a_dead_or_foreign_token(zoho: Sandbox, app: Caller) -> None:
    abroad = Caller(zoho, data_center="eu").login(CAROL)["access_token"]
    for header in (None, "Zoho-oauthtoken 1000.x", f"Zoho-oauthtoken {abroad}"):
        answer = app.get(INFO, header)
        assert (answer.status, data(answer)["cause"]) == (401, "INVALID_OAUTHTOKEN")


def test_serverinfo_lists_the_data_centers_but_china() -> None:
    with Sandbox(data_centers=("us", "eu", "cn")) as zoho:
        us, eu = (zoho.data_center(code).accounts_url for code in ("us", "eu"))
        answer = Caller(zoho).get("/oauth/serverinfo")
        assert data(answer) == {"locations": {"us": us, "eu": eu}}


def test_an_unknown_accounts_address_is_a_page(app: Caller) -> None:
    answer = app.get("/oauth/v9/what")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_the_api_lets_a_live_token_in(app: Caller) -> None:
    token = app.login(scopes="ZohoCRM.org.READ")["access_token"]
    assert app.get(CRM, f"Zoho-oauthtoken {token}").status == 200


@pytest.mark.parametrize("header", [None, "", "Basic eDp5", "Zoho-oauthtoken", "1000.x"])
def test_the_api_without_a_token_is_an_authentication_failure(
    app: Caller, header: str | None
) -> None:
    answer = app.get(CRM, header)
    assert answer.status == 401
    assert data(answer) == {
        "code": "AUTHENTICATION_FAILURE",
        "details": {},
        "message": "Authentication failed",
        "status": "error",
    }


def test_a_token_in_the_query_is_no_token(app: Caller) -> None:
    token = app.login()["access_token"]
    answer = app.get(f"{CRM}?access_token={token}")
    assert data(answer)["code"] == "AUTHENTICATION_FAILURE"


def test_the_api_refuses_a_garbage_expired_revoked_or_foreign_token(
    zoho: Sandbox, app: Caller
) -> None:
    expired = app.login()["access_token"]
    zoho.clock.advance(hours=1)
    revoked = app.login()
    app.post("/oauth/v2/token/revoke", token=revoked["refresh_token"])
    abroad = Caller(zoho, data_center="eu").login(CAROL)["access_token"]
    for token in ("1000.x", expired, revoked["access_token"], abroad):
        answer = app.get(CRM, f"Zoho-oauthtoken {token}")
        assert (answer.status, data(answer)) == (401, INVALID)


def test_a_token_works_only_in_its_own_environment(zoho: Sandbox, app: Caller) -> None:
    zoho.join(ALICE, trial := zoho.add_org("Trial", "sandbox"))
    home = zoho.data_center("us")
    granted = {None: app.login(), trial: app.login(org=trial)}
    statuses = {
        (org and org.kind, base): app.get(CRM, f"Zoho-oauthtoken {got['access_token']}", base)
        for org, got in granted.items()
        for base in home.api_urls
    }
    let_in = {place for place, answer in statuses.items() if answer.status == 200}
    assert let_in == {(None, home.api_url), ("sandbox", home.sandbox_url)}
    refused = [data(answer) for place, answer in statuses.items() if place not in let_in]
    assert refused == [INVALID] * 4


def test_bearer_is_taken_unless_the_header_is_strict(app: Caller) -> None:
    token = app.login()["access_token"]
    assert app.get(CRM, f"Bearer {token}").status == 200
    with Sandbox(settings=Settings(strict_header=True)) as strict:
        there = Caller(strict)
        token = there.login()["access_token"]
        answer = there.get(CRM, f"Bearer {token}")
        assert (answer.status, data(answer)["code"]) == (401, "AUTHENTICATION_FAILURE")
        assert there.get(CRM, f"Zoho-oauthtoken {token}").status == 200


def test_the_accounts_server_stands_beside_the_production_api_alone(zoho: Sandbox) -> None:
    home = zoho.data_center("us")
    assert home.accounts_url == home.api_url
    for base in (home.sandbox_url, home.developer_url):
        answer = Caller(zoho).get("/oauth/serverinfo", base=base)
        assert data(answer)["code"] == "AUTHENTICATION_FAILURE"


def test_scopes_are_not_checked_when_a_token_is_minted(app: Caller) -> None:
    granted = app.login(scopes="ZohoCRM.modules.leads.READ")
    token = data(app.refresh(granted["refresh_token"]))["access_token"]
    answer = app.get(CRM, f"Zoho-oauthtoken {token}")
    assert (answer.status, data(answer)["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
