"""A code for tokens: what is answered, and every way a code is refused."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import urlencode

import pytest

from evergrant.sandbox import Sandbox, Settings
from tests.support.sandbox.accounts_caller import (
    ALICE,
    CAROL,
    REDIRECT,
    TOKEN,
    Ask,
    Caller,
    data,
    query_of,
)

VALUE = re.compile(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}")


def test_answers_what_zoho_answers(zoho: Sandbox, app: Caller) -> None:
    answer = app.exchange(zoho.grant_code(ALICE, "ZohoCRM.modules.ALL,ZohoCRM.users.READ"))
    granted = data(answer)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert VALUE.fullmatch(granted.pop("access_token"))
    assert VALUE.fullmatch(granted.pop("refresh_token"))
    assert granted == {
        "scope": "ZohoCRM.modules.ALL ZohoCRM.users.READ",
        "api_domain": zoho.url,
        "token_type": "Bearer",
        "expires_in": 3600,
    }


def test_a_code_works_once(zoho: Sandbox, app: Caller) -> None:
    code = zoho.grant_code(ALICE)
    assert "access_token" in data(app.exchange(code))
    answer = app.exchange(code)
    assert (answer.status, answer.body) == (200, b'{"error":"invalid_code"}')


def test_a_code_dies_after_two_minutes(zoho: Sandbox, app: Caller) -> None:
    in_time, late = zoho.grant_code(ALICE), zoho.grant_code(ALICE)
    zoho.clock.advance(minutes=2, seconds=-1)
    assert "access_token" in data(app.exchange(in_time))
    zoho.clock.advance(seconds=1)
    assert data(app.exchange(late)) == {"error": "invalid_code"}


def test_a_self_client_code_lives_three_minutes(zoho: Sandbox, app: Caller) -> None:
    in_time = zoho.grant_code(ALICE, self_client=True)
    late = zoho.grant_code(ALICE, self_client=True)
    zoho.clock.advance(minutes=3, seconds=-1)
    assert "access_token" in data(app.exchange(in_time))
    zoho.clock.advance(seconds=1)
    assert data(app.exchange(late)) == {"error": "invalid_code"}


def test_a_code_of_another_data_center_is_invalid(zoho: Sandbox, app: Caller) -> None:
    code = zoho.grant_code(CAROL)
    assert data(app.exchange(code)) == {"error": "invalid_code"}
    assert "access_token" in data(Caller(zoho, data_center="eu").exchange(code))


def test_a_code_of_another_client_is_invalid(zoho: Sandbox, app: Caller) -> None:
    code = zoho.grant_code(ALICE)
    assert data(Caller(zoho, zoho.add_client()).exchange(code)) == {"error": "invalid_code"}
    assert "access_token" in data(app.exchange(code))


@pytest.mark.parametrize("wrong", ["1000.NOBODY", "", " {}", "{} "])
def test_an_unknown_or_padded_client_id_is_an_invalid_client(
    zoho: Sandbox, app: Caller, wrong: str
) -> None:
    answer = app.exchange(zoho.grant_code(ALICE), client_id=wrong.format(app.client.client_id))
    assert (answer.status, answer.body) == (200, b'{"error":"invalid_client"}')


def test_a_client_that_is_not_enabled_in_the_data_center_is_invalid(zoho: Sandbox) -> None:
    client = zoho.add_client(data_centers=("us",))
    code = zoho.grant_code(CAROL, client=client)
    answer = Caller(zoho, client, "eu").exchange(code)
    assert data(answer) == {"error": "invalid_client"}


def test_a_wrong_secret_is_refused(zoho: Sandbox, app: Caller) -> None:
    answer = app.exchange(zoho.grant_code(ALICE), client_secret="0" * 42)
    assert data(answer) == {"error": "invalid_client_secret"}


def test_the_secret_of_another_data_center_is_refused(zoho: Sandbox) -> None:
    client = zoho.add_client(secrets={"us": "a" * 42, "eu": "b" * 42})
    app = Caller(zoho, client, "eu")
    code = zoho.grant_code(CAROL, client=client)
    assert data(app.exchange(code, client_secret="a" * 42)) == {"error": "invalid_client_secret"}
    assert "access_token" in data(app.exchange(code, client_secret="b" * 42))


@pytest.mark.parametrize("sent", [None, REDIRECT + "/", "https://evil.example/callback"])
def test_another_redirect_uri_than_the_codes_is_refused(
    zoho: Sandbox, app: Caller, sent: str | None
) -> None:
    code = query_of(zoho.consent(app.auth_url()))["code"]
    wrong = {} if sent is None else {"redirect_uri": sent}
    assert data(app.exchange(code, **wrong)) == {"error": "invalid_redirect_uri"}
    assert "access_token" in data(app.exchange(code, redirect_uri=REDIRECT))


def test_a_code_made_by_hand_needs_no_redirect_uri(zoho: Sandbox, app: Caller) -> None:
    for uri in ({}, {"redirect_uri": "https://whatever.example"}):
        assert "access_token" in data(app.exchange(zoho.grant_code(ALICE), **uri))


def test_parameters_are_read_from_the_query_too(zoho: Sandbox, app: Caller) -> None:
    fields = {
        "client_id": app.client.client_id,
        "client_secret": app.client.client_secret,
        "grant_type": "authorization_code",
        "code": zoho.grant_code(ALICE),
    }
    answer = zoho.send(Ask("POST", f"{app.base}{TOKEN}?{urlencode(fields)}"))
    assert "access_token" in data(answer)


def _json_call(app: Caller, code: str) -> Ask:
    fields = {
        "client_id": app.client.client_id,
        "client_secret": app.client.client_secret,
        "grant_type": "authorization_code",
        "code": code,
    }
    kind = {"Content-Type": "application/json"}
    return Ask("POST", app.base + TOKEN, kind, json.dumps(fields).encode())


def test_a_json_body_is_an_invalid_client(zoho: Sandbox, app: Caller) -> None:
    answer = zoho.send(_json_call(app, zoho.grant_code(ALICE)))
    assert data(answer) == {"error": "invalid_client"}


def test_a_json_body_can_be_allowed() -> None:
    with Sandbox(settings=Settings(allow_json=True)) as zoho:
        answer = zoho.send(_json_call(Caller(zoho), zoho.grant_code(ALICE)))
        assert "access_token" in data(answer)


def test_get_is_a_server_error_page(app: Caller) -> None:
    answer = app.get(TOKEN)
    assert answer.status == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<title>Server Error</title>" in answer.body


def test_an_unknown_grant_type_is_refused(app: Caller) -> None:
    assert data(app.token("password")) == {"error": "unsupported_grant_type"}


VERIFIER = "v" * 43
S256 = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "challenge",
    [
        {"code_challenge": S256, "code_challenge_method": "S256"},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"code_challenge": VERIFIER},
    ],
    ids=["S256", "plain", "plain by default"],
)
def test_a_challenge_asks_for_its_verifier(
    zoho: Sandbox, app: Caller, challenge: dict[str, str]
) -> None:
    code = query_of(zoho.consent(app.auth_url(**challenge)))["code"]
    assert data(app.exchange(code, redirect_uri=REDIRECT)) == {"error": "invalid_code"}
    wrong = app.exchange(code, redirect_uri=REDIRECT, code_verifier=S256 + "x")
    assert data(wrong) == {"error": "invalid_code"}
    right = app.exchange(code, redirect_uri=REDIRECT, code_verifier=VERIFIER)
    assert "access_token" in data(right)


def test_the_error_status_is_a_setting() -> None:
    with Sandbox(settings=Settings(token_error_status=400)) as zoho:
        answer = Caller(zoho).exchange("1000.x")
        assert (answer.status, answer.body) == (400, b'{"error":"invalid_code"}')


def test_a_refresh_token_comes_only_with_the_first_or_a_refreshed_offline_consent(
    zoho: Sandbox, app: Caller
) -> None:
    def refresh_token(**asked: str) -> bool:
        code = query_of(zoho.consent(app.auth_url(**asked)))["code"]
        return "refresh_token" in data(app.exchange(code, redirect_uri=REDIRECT))

    assert refresh_token()
    assert not refresh_token()
    assert refresh_token(prompt="consent")
    assert not refresh_token(access_type="online", prompt="consent")


def test_access_is_online_unless_asked_otherwise(zoho: Sandbox, app: Caller) -> None:
    url = app.auth_url(prompt="consent").replace("access_type=offline", "x=y")
    granted = data(app.exchange(query_of(zoho.consent(url))["code"], redirect_uri=REDIRECT))
    assert "access_token" in granted
    assert "refresh_token" not in granted


def test_after_a_revocation_the_next_consent_is_a_first_one(zoho: Sandbox, app: Caller) -> None:
    app.login(prompt_consent=False)
    assert "refresh_token" not in app.login(prompt_consent=False)
    zoho.revoke(ALICE)
    assert "refresh_token" in app.login(prompt_consent=False)


@pytest.mark.parametrize("kind", ["sandbox", "developer"])
def test_a_token_of_another_environment_names_its_own_api(
    zoho: Sandbox, app: Caller, kind: str
) -> None:
    org = zoho.add_org("Trial", kind)
    zoho.join(ALICE, org)
    home = zoho.data_center("us")
    expected = {"sandbox": home.sandbox_url, "developer": home.developer_url}[kind]
    granted = app.login(org=org)
    assert granted["api_domain"] == expected
    assert data(app.refresh(granted["refresh_token"]))["api_domain"] == expected
