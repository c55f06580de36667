"""Revoking: by the app at either address, and by the user."""

from __future__ import annotations

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sandbox.accounts_caller import ALICE, BOB, CAROL, Caller, basic, data

OLD, NEW = "/oauth/v2/token/revoke", "/oauth/v2/revoke/token"


def test_a_revoked_refresh_token_takes_its_access_tokens_along(zoho: Sandbox, app: Caller) -> None:
    granted, other = app.login(), app.login()
    second = data(app.refresh(granted["refresh_token"]))["access_token"]
    answer = app.post(OLD, token=granted["refresh_token"])
    assert (answer.status, data(answer)) == (200, {"status": "success"})
    assert data(app.refresh(granted["refresh_token"])) == {"error": "invalid_code"}
    assert [app.status_of(token) for token in (granted["access_token"], second)] == [401, 401]
    assert "access_token" in data(app.refresh(other["refresh_token"]))
    assert app.status_of(other["access_token"]) == 200


def test_a_revoked_access_token_leaves_the_refresh_token_alone(app: Caller) -> None:
    granted = app.login()
    assert data(app.post(OLD, token=granted["access_token"])) == {"status": "success"}
    assert app.status_of(granted["access_token"]) == 401
    assert "access_token" in data(app.refresh(granted["refresh_token"]))


def test_the_token_may_stand_in_the_query(app: Caller) -> None:
    granted = app.login()
    assert app.post(f"{OLD}?token={granted['refresh_token']}").status == 200
    assert data(app.refresh(granted["refresh_token"])) == {"error": "invalid_code"}


def test_an_invalid_token_is_answered_400(zoho: Sandbox, app: Caller) -> None:
    granted = app.login()
    assert app.post(OLD, token=granted["refresh_token"]).status == 200
    abroad = Caller(zoho, data_center="eu").login(CAROL)["refresh_token"]
    for token in (granted["refresh_token"], granted["access_token"], "1000.x", "", abroad):
        assert app.post(OLD, token=token).status == 400
    assert app.post(OLD).status == 400


def test_the_newer_address_wants_the_clients_secret(zoho: Sandbox, app: Caller) -> None:
    refresh_token = app.login()["refresh_token"]
    fields = {"token": refresh_token, "token_type": "refresh_token"}
    assert data(app.post(NEW, **fields)) == {"error": "invalid_client"}
    wrong = app.post(NEW, basic(app.client, "wrong"), **fields)
    assert data(wrong) == {"error": "invalid_client_secret"}
    stranger = app.post(NEW, basic(zoho.add_client()), **fields)
    assert stranger.status == 400
    assert "access_token" in data(app.refresh(refresh_token))
    assert data(app.post(NEW, basic(app.client), **fields)) == {"status": "success"}
    assert data(app.refresh(refresh_token)) == {"error": "invalid_code"}


def test_the_newer_address_takes_the_secret_of_its_data_center(zoho: Sandbox) -> None:
    client = zoho.add_client(secrets={"eu": "e" * 42})
    app = Caller(zoho, client, "eu")
    code = zoho.grant_code(CAROL, client=client)
    token = data(app.exchange(code, client_secret="e" * 42))["refresh_token"]
    assert data(app.post(NEW, basic(client), token=token)) == {"error": "invalid_client_secret"}
    assert app.post(NEW, basic(client, "e" * 42), token=token).status == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic //8=", "Bearer x", ""])
def test_a_broken_basic_header_is_an_invalid_client(app: Caller, header: str) -> None:
    answer = app.post(NEW, {"Authorization": header}, token="x")
    assert data(answer) == {"error": "invalid_client"}


def test_the_token_type_must_be_right(app: Caller) -> None:
    granted = app.login()
    sign = basic(app.client)
    wrong = app.post(NEW, sign, token=granted["refresh_token"], token_type="access_token")
    assert wrong.status == 400
    wrong = app.post(NEW, sign, token=granted["access_token"], token_type="refresh_token")
    assert wrong.status == 400
    right = app.post(NEW, sign, token=granted["access_token"], token_type="access_token")
    assert right.status == 200
    assert app.status_of(granted["access_token"]) == 401


@pytest.mark.parametrize("path", [OLD, NEW])
def test_get_revokes_nothing(app: Caller, path: str) -> None:
    refresh_token = app.login()["refresh_token"]
    assert app.get(f"{path}?token={refresh_token}").status == 500
    assert "access_token" in data(app.refresh(refresh_token))


def test_a_user_revokes_one_app_or_all(zoho: Sandbox, app: Caller) -> None:
    other = Caller(zoho, zoho.add_client())
    mine, online, bobs = app.login(), app.login(offline=False), app.login(BOB)
    others, code = other.login(), zoho.grant_code(ALICE)
    assert zoho.revoke(ALICE, app.client) == 2
    assert data(app.refresh(mine["refresh_token"])) == {"error": "invalid_code"}
    assert data(app.exchange(code)) == {"error": "invalid_code"}
    dead = (mine, online)
    assert [app.status_of(granted["access_token"]) for granted in dead] == [401, 401]
    assert [app.status_of(granted["access_token"]) for granted in (bobs, others)] == [200, 200]
    assert zoho.revoke(ALICE) == 1
    assert data(other.refresh(others["refresh_token"])) == {"error": "invalid_code"}
    assert "access_token" in data(app.refresh(bobs["refresh_token"]))
