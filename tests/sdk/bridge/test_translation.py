"""SDK tokens are read and filled through their getters and setters, and nothing is lost in it."""

from __future__ import annotations

import traceback
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from evergrant import Token
from evergrant.errors import LoginRequired, StoreError
from evergrant.token import Secret
from evergrant.zohocrmsdk.token_mapping import (
    copy_from_sdk,
    copy_to_sdk,
    is_only_an_id,
    raising_sdk_errors,
    token_identity,
    wants_user_name,
)

NAMES = (
    "id",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "grant_token",
    "redirect_url",
    "api_domain",
    "expires_in",
    "user_signature",
)
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
STORED = Token(
    id="7",
    user_name="alice@example.com:60001",
    client_id="1000.A",
    client_secret="canary-secret",
    refresh_token="canary-refresh",
    access_token="canary-access",
    grant_token="canary-grant",
    expires_at=NOON,
    redirect_url="https://app.example.com/callback",
    api_domain="https://www.zohoapis.eu",
)


class Signature:
    """As the SDK's UserSignature."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def get_name(self) -> str | None:
        return self.name


class SDKToken:
    """As the SDK's OAuthToken: nothing but getters and setters."""

    def __init__(self, **values: object) -> None:
        self.values: dict[str, object] = dict.fromkeys(NAMES) | values

    def __getattr__(self, name: str) -> object:
        action, _, field = name.partition("_")
        if field not in self.values or action not in ("get", "set"):
            raise AttributeError(name)
        if action == "get":
            return lambda: self.values[field]
        return lambda value: self.values.__setitem__(field, value)


def test_what_is_filled_in_is_read_back() -> None:
    filled = copy_to_sdk(SDKToken(), STORED, Signature)
    assert copy_from_sdk(filled) == STORED


def test_the_sdk_gets_plain_text_and_not_a_masked_secret() -> None:
    filled = copy_to_sdk(SDKToken(), STORED, Signature)
    for name in ("client_secret", "refresh_token", "access_token", "grant_token"):
        value = filled.values[name]
        assert type(value) is str
        assert f"{value}".startswith("canary-")
    assert filled.values["expires_in"] == str(int(NOON.timestamp() * 1000))


def test_stored_values_win_and_gaps_stay() -> None:
    held = SDKToken(access_token="stale", refresh_token="old", redirect_url="https://mine.example")
    stored = Token(id="7", access_token="fresh", refresh_token="new")
    assert copy_to_sdk(held, stored, Signature) is held
    assert (held.values["access_token"], held.values["refresh_token"]) == ("fresh", "new")
    assert held.values["redirect_url"] == "https://mine.example"


def test_the_expiry_of_a_stale_token_does_not_stay_beside_a_fresh_one() -> None:
    held = SDKToken(access_token="stale", expires_in="1000")
    copy_to_sdk(held, Token(id="7", access_token="fresh"), Signature)
    assert held.values["expires_in"] is None


def test_empty_texts_and_a_signature_without_a_name_say_nothing() -> None:
    empty = SDKToken(**dict.fromkeys(NAMES, ""))
    assert copy_from_sdk(empty) == Token()
    assert copy_from_sdk(SDKToken(user_signature=Signature(None))) == Token()
    assert copy_from_sdk(SDKToken(user_signature=Signature(""))) == Token()


def test_secrets_are_masked_as_soon_as_they_are_read() -> None:
    asked = copy_from_sdk(copy_to_sdk(SDKToken(), STORED, Signature))
    assert "canary" not in repr(asked)
    assert isinstance(asked.access_token, Secret)


@pytest.mark.parametrize("expiry", ["soon", "1e9", "9" * 40, object()])
def test_an_expiry_that_is_no_number_is_an_error_that_does_not_quote_it(expiry: object) -> None:
    with pytest.raises(StoreError, match="epoch milliseconds") as caught:
        copy_from_sdk(SDKToken(id="7", expires_in=expiry))
    assert str(expiry) not in str(caught.value)
    assert caught.value.token_id == "7"


def test_a_sdk_without_api_domain_and_signature_is_read_and_filled_all_the_same() -> None:
    older = SDKToken()
    del older.values["api_domain"], older.values["user_signature"]
    copy_to_sdk(older, STORED)
    assert copy_from_sdk(older, user_name="alice@example.com").user_name == "alice@example.com"
    assert copy_from_sdk(older).api_domain is None


def test_a_token_that_names_only_its_id_is_told_from_all_others() -> None:
    assert is_only_an_id(copy_from_sdk(SDKToken(id="7")))
    assert all(
        not is_only_an_id(copy_from_sdk(SDKToken(id="7", **{name: "x"})))
        for name in NAMES
        if name not in ("id", "expires_in", "user_signature")
    )


def test_an_identity_holds_no_secret() -> None:
    filled = copy_to_sdk(SDKToken(), STORED, Signature)
    assert token_identity(filled) == ("7", STORED.user_name, "1000.A")
    assert token_identity(SDKToken(access_token="a", client_id="1000.A")) == (None, None, None)


def test_who_is_asked_for_the_users_name_is_the_programs_choice() -> None:
    token = SDKToken()
    assert not wants_user_name(token)
    token.__dict__["_OAuthToken__find_user"] = True
    assert wants_user_name(token)


class SDKException(Exception):  # noqa: N818 - the SDK's name
    """As the SDK's."""

    def __init__(
        self,
        code: str | None = None,
        message: str | None = None,
        details: object = None,
        cause: Exception | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code, self.cause = code, cause


def test_our_errors_surface_as_the_sdks_with_ours_as_the_cause() -> None:
    ours = LoginRequired("gone", token_id="7")
    with pytest.raises(SDKException) as caught, raising_sdk_errors(SDKException):
        raise ours
    assert caught.value.code == "LoginRequired"
    assert caught.value.cause is caught.value.__cause__ is ours


def test_every_field_of_the_sdks_own_ten_has_its_place() -> None:
    ours = {field.name for field in fields(Token)}
    assert {*NAMES} - ours == {"expires_in", "user_signature"}


def test_a_token_that_cannot_be_read_shows_its_secrets_in_no_frame() -> None:
    token = copy_to_sdk(SDKToken(), STORED, Signature)
    token.values["expires_in"] = "soon"
    with pytest.raises(StoreError) as refused:
        copy_from_sdk(token)
    frames = traceback.walk_tb(refused.tb)
    assert "canary" not in "".join(repr(frame.f_locals) for frame, _ in list(frames)[1:])
