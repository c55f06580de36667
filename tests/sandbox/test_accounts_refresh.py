"""A refresh token for access tokens, and client credentials."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evergrant.sandbox import Sandbox, Settings
from tests.support.sandbox.accounts_caller import ALICE, CAROL, SCOPE, Caller, data


def test_a_refresh_answers_no_refresh_token(zoho: Sandbox, app: Caller) -> None:
    granted = app.login(scopes="ZohoCRM.modules.ALL")
    again = data(app.refresh(granted["refresh_token"]))
    assert again.pop("access_token") != granted["access_token"]
    assert again == {
        "scope": "ZohoCRM.modules.ALL",
        "api_domain": zoho.url,
        "token_type": "Bearer",
        "expires_in": 3600,
    }


def test_a_redirect_uri_is_tolerated(app: Caller) -> None:
    refresh_token = app.login()["refresh_token"]
    assert "access_token" in data(app.refresh(refresh_token, redirect_uri="https://x.example"))


def test_a_refresh_token_has_no_end(zoho: Sandbox, app: Caller) -> None:
    refresh_token = app.login()["refresh_token"]
    zoho.clock.advance(days=3650)
    assert "access_token" in data(app.refresh(refresh_token))


def test_a_refresh_token_of_another_data_center_client_or_nobody_is_invalid(
    zoho: Sandbox, app: Caller
) -> None:
    refresh_token = Caller(zoho, data_center="eu").login(CAROL)["refresh_token"]
    mine = app.login()["refresh_token"]
    other = Caller(zoho, zoho.add_client())
    for answer in (app.refresh(refresh_token), other.refresh(mine), app.refresh("1000.x")):
        assert (answer.status, answer.body) == (200, b'{"error":"invalid_code"}')


def test_an_access_token_lives_an_hour(zoho: Sandbox, app: Caller) -> None:
    token = app.login()["access_token"]
    zoho.clock.advance(hours=1, seconds=-1)
    assert app.status_of(token) == 200
    zoho.clock.advance(seconds=1)
    assert app.status_of(token) == 401


def test_lifetimes_are_settings() -> None:
    life = timedelta(seconds=5)
    with Sandbox(settings=Settings(access_token_life=life, frozen_clock=True)) as zoho:
        app = Caller(zoho)
        granted = app.login()
        assert granted["expires_in"] == 5
        zoho.clock.advance(seconds=5)
        assert app.status_of(granted["access_token"]) == 401


def test_before_2020_expires_in_counted_milliseconds() -> None:
    with Sandbox(settings=Settings(legacy_expires_in=True)) as zoho:
        granted = Caller(zoho).login()
        assert (granted["expires_in"], granted["expires_in_sec"]) == (3_600_000, 3600)


def test_scope_and_expires_in_can_be_left_out() -> None:
    with Sandbox(settings=Settings(send_scope=False, issue_expires_in=False)) as zoho:
        granted = Caller(zoho).login()
        assert set(granted) == {"access_token", "refresh_token", "api_domain", "token_type"}


def test_client_credentials_give_a_token_without_a_refresh_token(
    zoho: Sandbox, app: Caller
) -> None:
    zgid = zoho.user(ALICE).orgs[0].zgid
    granted = data(app.token("client_credentials", scope=SCOPE, soid=f"ZohoCRM.{zgid}"))
    assert app.status_of(granted.pop("access_token")) == 200
    assert granted == {
        "scope": SCOPE.replace(",", " "),
        "api_domain": zoho.url,
        "token_type": "Bearer",
        "expires_in": 3600,
    }


@pytest.mark.parametrize("soid", [None, "", "ZohoCRM.", "ZohoCRM.1", "ZohoBooks.{mine}", "{mine}"])
def test_client_credentials_need_an_org_of_this_data_center(
    zoho: Sandbox, app: Caller, soid: str | None
) -> None:
    mine = zoho.user(ALICE).orgs[0].zgid
    fields = {} if soid is None else {"soid": soid.format(mine=mine)}
    answer = app.token("client_credentials", scope=SCOPE, **fields)
    assert (answer.status, answer.body) == (200, b'{"error":"missing_org_info"}')
    theirs = f"ZohoCRM.{zoho.user(CAROL).orgs[0].zgid}"
    abroad = app.token("client_credentials", scope=SCOPE, soid=theirs)
    assert data(abroad) == {"error": "missing_org_info"}


@pytest.mark.parametrize("scope", ["", "ZohoCRM", "ZohoCRM.modules.ALL ZohoCRM.users.READ", "a,b"])
def test_client_credentials_refuse_what_is_no_scope(zoho: Sandbox, app: Caller, scope: str) -> None:
    zgid = zoho.user(ALICE).orgs[0].zgid
    answer = app.token("client_credentials", scope=scope, soid=f"ZohoCRM.{zgid}")
    assert data(answer) == {"error": "invalid_scope"}
