"""Zoho's words for what went wrong: each becomes the error that says what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from evergrant._oauth.errors import error_from_response
from evergrant._oauth.messages import HttpResponse
from evergrant.errors import (
    AccountsUnavailable,
    CodeSpent,
    InvalidClient,
    LoginRequired,
    MissingScope,
    OAuthError,
    Throttled,
    UntrustedServer,
    WrongDataCenter,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials", "revoke")

THROTTLE = {
    "error_description": "You have made too many requests continuously. "
    "Please try again after some time.",
    "error": "Access Denied",
    "status": "failure",
}


def read(body: object, grant_type: str = "refresh_token", status: int = 200) -> OAuthError:
    answer = HttpResponse(status, {}, json.dumps(body).encode())
    return error_from_response(answer, answer.json_object(), now=NOW, grant_type=grant_type)


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize(
    ("word", "grant_type", "kind", "retryable"),
    [
        ("invalid_code", "authorization_code", CodeSpent, False),
        ("invalid_code", "refresh_token", LoginRequired, False),
        ("invalid_grant", "refresh_token", LoginRequired, False),
        ("invalid_token", "refresh_token", LoginRequired, False),
        ("invalid_client", "refresh_token", InvalidClient, False),
        ("invalid_client_secret", "authorization_code", InvalidClient, False),
        ("invalid_redirect_uri", "authorization_code", InvalidClient, False),
        ("missing_org_info", "client_credentials", OAuthError, False),
        ("invalid_scope", "client_credentials", MissingScope, False),
        ("invalid_scopes", "client_credentials", MissingScope, False),
        ("other_dc", "authorization_code", WrongDataCenter, False),
        ("general_error", "refresh_token", AccountsUnavailable, True),
        ("server_error", "refresh_token", AccountsUnavailable, True),
        ("brand_new_error", "refresh_token", OAuthError, False),
    ],
)
def test_each_word_is_its_own_error_whatever_the_status(
    word: str, grant_type: str, kind: type[OAuthError], *, retryable: bool, status: int
) -> None:
    error = read({"error": word}, grant_type, status)
    assert type(error) is kind
    assert (error.code, error.retryable) == (word, retryable)
    assert word in str(error)


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
@pytest.mark.parametrize("body", [THROTTLE, {"error": "access_denied"}, {"error": "ACCESS DENIED"}])
@pytest.mark.parametrize("status", [200, 400, 429])
def test_a_throttle_is_a_throttle_and_never_a_dead_refresh_token(
    body: dict[str, str], grant_type: str, status: int
) -> None:
    error = read(body, grant_type, status)
    assert isinstance(error, Throttled)
    assert error.retry_at == NOW + timedelta(minutes=10)
    assert error.retryable


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"Internal Server Error", "HTTP 500"),
        (200, b"", "nothing (HTTP 200)"),
        (204, b"", "nothing (HTTP 204)"),
        (200, b"  <!doctype html><p>Be right back", "a web page"),
        (200, b'{"access_token":"1000.5', "not an OAuth answer"),
        (200, b"{}", "not an OAuth answer"),
        (429, b"slow down", "HTTP 429"),
    ],
)
def test_no_usable_answer_is_neither_a_dead_token_nor_a_spent_code(
    status: int, body: bytes, says: str, grant_type: str
) -> None:
    answer = HttpResponse(status, {}, body)
    error = error_from_response(answer, answer.json_object(), now=NOW, grant_type=grant_type)
    assert type(error) is AccountsUnavailable
    assert says in str(error)
    assert error.sent
    assert error.answered is not body.startswith(b"{"), "what broke off may have granted something"


def test_a_page_is_known_by_its_content_type_too() -> None:
    answer = HttpResponse(200, {"content-type": "text/html;charset=UTF-8"}, b"Sign in")
    assert "a web page" in str(
        error_from_response(answer, None, now=NOW, grant_type="refresh_token")
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_an_answer(status: int) -> None:
    answer = HttpResponse(status, {"location": "https://evil.example/"}, b"")
    assert isinstance(
        error_from_response(answer, None, now=NOW, grant_type="refresh_token"), UntrustedServer
    )


@pytest.mark.parametrize(
    "echo",
    [
        "1000.8cb99dad26a5e0a1d4f2c0b3.6a4b6e6cb8a5c7d1f0e9d8c7",
        "invalid token 1000.8cb99dad26a5",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b",
        "a\nforged log line",
        "x" * 61,
        "",
        7,
        None,
        ["invalid_code"],
        {"invalid_code": 1},
    ],
)
def test_what_is_no_word_is_not_repeated(echo: object) -> None:
    error = read({"error": echo})
    assert type(error) is AccountsUnavailable
    assert error.code is None
    assert not str(echo) or str(echo) not in str(error)


def test_an_echo_beside_the_word_is_not_repeated() -> None:
    error = read({"error": "invalid_code", "error_description": "1000.abc", "token": "1000.abc"})
    assert "1000" not in f"{error}{error!r}{vars(error)}"
