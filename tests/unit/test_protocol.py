"""Zoho's protocol as requests and answers: nothing is sent here."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from evergrant._oauth import identity, protocol
from evergrant._oauth.client import Client
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.datacenter import ZOHO
from evergrant.errors import (
    AccountsUnavailable,
    InvalidClient,
    MissingScope,
    OAuthError,
    Throttled,
    UntrustedServer,
)
from evergrant.token import Secret

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
US, EU, CA = ZOHO.by_code("us"), ZOHO.by_code("eu"), ZOHO.by_code("ca")
CLIENT = Client("1000.ID", "s3cret&=", "https://app.example.com/cb?x=1", {"EU": "eu-s3cret"})

ODD_LIVES: tuple[Any, ...] = (None, "soon", 0, -5, [], 3_600_000, 10**30, 1e400)
ODD_USERS: tuple[Any, ...] = ([], None, [None], [{"email": None}], [{"email": ""}], {"0": 1})


def form(call: HttpRequest) -> dict[str, str]:
    assert call.method == "POST"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    pairs = parse_qsl(call.body.decode(), strict_parsing=True)
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def answer(body: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body).encode())


def granted(
    body: object, status: int = 200, grant_type: str = "refresh_token"
) -> protocol.TokenResponse:
    return protocol.parse_token_response(
        answer(body, status), now=NOW, asked=US, known=ZOHO, grant_type=grant_type
    )


def test_the_consent_page_is_asked_for_offline_access_and_is_told_no_secret() -> None:
    url = protocol.authorization_url(EU, CLIENT, ["A.b.READ", "C.d.ALL"], state="s t&=")
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == (
        "https",
        "accounts.zoho.eu",
        "/oauth/v2/auth",
    )
    assert parse_qs(parts.query, strict_parsing=True) == {
        "response_type": ["code"],
        "client_id": ["1000.ID"],
        "redirect_uri": ["https://app.example.com/cb?x=1"],
        "scope": ["A.b.READ,C.d.ALL"],
        "access_type": ["offline"],
        "state": ["s t&="],
    }


def test_prompt_consent_and_a_challenge_are_asked_for_when_wanted() -> None:
    url = protocol.authorization_url(
        US, CLIENT, ["A"], state="s", prompt_consent=True, challenge="ch"
    )
    params = dict(parse_qsl(urlsplit(url).query))
    assert params["prompt"] == "consent"
    assert (params["code_challenge"], params["code_challenge_method"]) == ("ch", "S256")


@pytest.mark.parametrize("code", ZOHO.codes)
def test_secrets_travel_in_the_body_to_the_accounts_server_of_their_data_center(code: str) -> None:
    where = ZOHO.by_code(code)
    calls = [
        protocol.exchange_request(where, CLIENT, "the-code", redirect_url=CLIENT.redirect_url),
        protocol.refresh_request(where, CLIENT, "the-refresh-token"),
        protocol.client_credentials_request(where, CLIENT, ["A"], "42"),
    ]
    for call in calls:
        assert call.url == f"{where.accounts_url}/oauth/v2/token"
        assert form(call)["client_secret"] == ("eu-s3cret" if code == "eu" else "s3cret&=")


def test_an_exchange_says_all_that_zoho_compares() -> None:
    call = protocol.exchange_request(
        US, CLIENT, "1000.c", redirect_url=CLIENT.redirect_url, verifier="the-verifier"
    )
    assert form(call) == {
        "client_id": "1000.ID",
        "client_secret": "s3cret&=",
        "grant_type": "authorization_code",
        "code": "1000.c",
        "redirect_uri": "https://app.example.com/cb?x=1",
        "code_verifier": "the-verifier",
    }


def test_a_self_clients_code_goes_without_a_redirect_url_and_a_verifier() -> None:
    fields = form(protocol.exchange_request(US, CLIENT, Secret("1000.c"), redirect_url=None))
    assert fields["code"] == "1000.c"
    assert not fields.keys() & {"redirect_uri", "code_verifier"}


def test_client_credentials_name_the_org_as_zoho_wants_it() -> None:
    fields = form(protocol.client_credentials_request(US, CLIENT, ["A", "B"], "42"))
    assert (fields["grant_type"], fields["scope"]) == ("client_credentials", "A,B")
    assert fields["soid"] == "ZohoCRM.42"


def test_a_value_that_is_no_text_still_makes_a_request() -> None:
    fields = form(protocol.exchange_request(US, CLIENT, "1000.\udc80", redirect_url=None))
    assert fields["code"] == "1000.?"


def test_the_older_revocation_shows_the_token_only() -> None:
    call = protocol.revoke_request(CA, Secret("1000.r"))
    assert call.url == "https://accounts.zohocloud.ca/oauth/v2/token/revoke"
    assert form(call) == {"token": "1000.r"}
    assert "authorization" not in call.headers


def test_the_newer_revocation_authenticates_the_client() -> None:
    call = protocol.revoke_request(EU, Secret("1000.r"), kind="access_token", client=CLIENT)
    assert call.url == "https://accounts.zoho.eu/oauth/v2/revoke/token"
    assert form(call) == {"token": "1000.r", "token_type": "access_token"}
    scheme, _, pair = call.headers["authorization"].partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"1000.ID:eu-s3cret")


def test_an_api_call_is_signed_in_zohos_own_form() -> None:
    call = protocol.api_request(Secret("1000.a"), "https://www.zohoapis.eu/crm/v8/org")
    assert call.headers == {"authorization": "Zoho-oauthtoken 1000.a"}
    assert "1000.a" not in call.url


def test_a_grant_is_read_whole() -> None:
    got = granted(
        {
            "access_token": "1000.a",
            "refresh_token": "1000.r",
            "scope": "ZohoCRM.modules.ALL ZohoCRM.users.READ",
            "api_domain": "https://sandbox.zohoapis.com/",
            "token_type": "Bearer",
            "expires_in": 3600,
        }
    )
    assert got == protocol.TokenResponse(
        access_token=Secret("1000.a"),
        refresh_token=Secret("1000.r"),
        expires_at=NOW + timedelta(hours=1),
        api_domain="https://sandbox.zohoapis.com",
        scopes=("ZohoCRM.modules.ALL", "ZohoCRM.users.READ"),
    )
    assert "1000." not in repr(got)


def test_an_access_token_alone_is_success_whatever_the_status() -> None:
    got = granted({"access_token": "a"}, status=400)
    assert got.access_token == "a"
    assert (got.refresh_token, got.scopes) == (None, ())
    assert got.expires_at == NOW + timedelta(hours=1)
    assert got.api_domain == "https://www.zohoapis.com"


@pytest.mark.parametrize("nothing", [None, "", 0, 7, ["a"], {"a": "b"}, True])
def test_what_is_no_access_token_is_no_grant(nothing: object) -> None:
    with pytest.raises(AccountsUnavailable):
        granted({"access_token": nothing, "expires_in": 3600})


@pytest.mark.parametrize("nothing", [None, "", 7, ["r"]])
def test_what_is_no_refresh_token_is_none(nothing: object) -> None:
    assert not granted({"access_token": "a", "refresh_token": nothing}).refresh_token


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"expires_in": 1800}, 1800),
        ({"expires_in": "1800"}, 1800),
        ({"expires_in": 1800.9}, 1800),
        ({"expires_in": 3_600_000, "expires_in_sec": 3600}, 3600),
        ({"expires_in": 1_800_000, "expires_in_sec": 1800}, 1800),
        ({}, 3600),
        *(({"expires_in": odd}, 3600) for odd in ODD_LIVES),
    ],
)
def test_the_life_of_a_token_is_never_longer_than_zohos_and_never_a_reason_to_lose_it(
    fields: dict[str, Any], seconds: int
) -> None:
    assert granted({"access_token": "a", **fields}).expires_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["A.b.READ,C.d.ALL", "A.b.READ C.d.ALL", "A.b.READ, C.d.ALL "])
def test_scopes_are_read_with_either_separator(value: str) -> None:
    assert granted({"access_token": "a", "scope": value}).scopes == ("A.b.READ", "C.d.ALL")


@pytest.mark.parametrize(
    "domain",
    [
        "https://www.zohoapis.eu",  # Zoho's, but not where we asked
        "https://www.zohoapis.com.evil.example",
        "https://www.zohoapis.com@evil.example",
        "https://evil.example/https://www.zohoapis.com",
        "https://www.zohoapis.com:8443",
        "http://www.zohoapis.com",
        "https://www.zohoapis.com/crm",
        "https://www.zohoapis.com?x",
        "www.zohoapis.com",
        "javascript:alert(1)",
        {"a": 1},
        7,
    ],
)
def test_a_token_for_a_foreign_api_server_is_refused(domain: object) -> None:
    with pytest.raises(UntrustedServer):
        granted({"access_token": "a", "api_domain": domain})


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"7",
        b'"access_token"',
        b"null",
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"a":' + b"9" * 9999,
    ],
)
def test_json_that_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(AccountsUnavailable):
        protocol.parse_token_response(
            HttpResponse(200, {}, body), now=NOW, asked=US, known=ZOHO, grant_type="refresh_token"
        )


def test_a_revocation_says_whether_the_token_was_alive() -> None:
    assert protocol.parse_revocation(answer({"status": "success"}), now=NOW)
    assert not protocol.parse_revocation(answer({"error": "invalid_token"}, 400), now=NOW)
    assert not protocol.parse_revocation(HttpResponse(400), now=NOW)


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        (answer({"status": "success"}, 500), AccountsUnavailable),
        (answer({"status": "failure"}), AccountsUnavailable),
        (HttpResponse(200), AccountsUnavailable),
        *((HttpResponse(code, {}, b"<html>"), AccountsUnavailable) for code in (400, 502)),
        (HttpResponse(302, {"location": "https://evil.example"}), UntrustedServer),
        (answer({"error": "invalid_client"}, 400), InvalidClient),
        (answer({"error": "Access Denied", "status": "failure"}, 400), Throttled),
    ],
)
def test_a_token_that_may_be_alive_still_is_never_reported_revoked(
    got: HttpResponse, kind: type[OAuthError]
) -> None:
    with pytest.raises(kind):
        protocol.parse_revocation(got, now=NOW)


def test_user_and_org_are_asked_for_by_the_paths_of_the_official_sdk() -> None:
    base = "https://www.zohoapis.eu"
    assert identity.current_user_request(base, "a").url == f"{base}/crm/v8/users?type=CurrentUser"
    assert identity.org_request(base, "a").url == f"{base}/crm/v8/org"
    users = {"users": [{"id": "1", "email": "alice@example.com"}], "info": {}}
    assert identity.parse_current_user(answer(users)) == "alice@example.com"
    assert identity.parse_org(answer({"org": [{"id": "9", "zgid": "42"}]})) == "42"


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        (answer({"code": "OAUTH_SCOPE_MISMATCH", "status": "error"}, 401), MissingScope),
        (answer({"code": "NO_PERMISSION", "status": "error"}, 403), MissingScope),
        (answer({"code": "INTERNAL_ERROR"}, 500), AccountsUnavailable),
        (HttpResponse(503, {}, b"<html>"), AccountsUnavailable),
        (answer({"code": "INVALID_TOKEN"}, 401), OAuthError),
        (HttpResponse(204), OAuthError),
        (HttpResponse(200, {}, b"<html>"), OAuthError),
        *((answer({"users": odd}), OAuthError) for odd in ODD_USERS),
        (answer({"code": ["x"]}), OAuthError),
    ],
)
def test_an_api_that_does_not_say_whose_token_it_is_is_an_error(
    got: HttpResponse, kind: type[OAuthError]
) -> None:
    with pytest.raises(OAuthError) as caught:
        identity.parse_current_user(got)
    assert type(caught.value) is kind
