"""Copies between the official SDK's token objects and ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.errors import EvergrantError, StoreError
from evergrant.token import Token

__all__ = [
    "copy_from_sdk",
    "copy_to_sdk",
    "is_only_an_id",
    "raising_sdk_errors",
    "token_identity",
    "wants_user_name",
]

_SAME_NAME = (
    "id",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "grant_token",
    "redirect_url",
    "api_domain",
)
"""Fields with the same name in both. The SDKs of the 2.0 line have no ``api_domain``."""

_SETTERS = tuple((name, f"set_{name}") for name in _SAME_NAME)


@contextmanager
def raising_sdk_errors(exception: type[Exception]) -> Iterator[None]:
    """Raise our errors as the SDK's own exception, with ours as the cause."""
    try:
        yield
    except EvergrantError as error:
        raise exception(type(error).__name__, None, None, error) from error


def copy_from_sdk(sdk_token: Any, *, user_name: str | None = None) -> Token:
    """Return our token for an SDK token; empty strings become None.

    Args:
        sdk_token: The SDK's token.
        user_name: Its user, for SDKs that keep it elsewhere (2.0 and 2.1).

    Raises:
        StoreError: The expiry is not epoch milliseconds.
    """
    # First: if it raises, no frame may hold the secrets yet.
    expires_at = _parse_expiry(_get(sdk_token, "expires_in"), _get(sdk_token, "id"))
    signature = _get(sdk_token, "user_signature")
    return Token(
        user_name=(signature.get_name() if signature else user_name) or None,
        expires_at=expires_at,
        **{name: _get(sdk_token, name) for name in _SAME_NAME},
    )


def _get(sdk_token: Any, name: str) -> Any:
    getter = getattr(sdk_token, f"get_{name}", None)
    return (getter() or None) if getter else None


def _parse_expiry(text: Any, token_id: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return from_epoch_ms(int(text))
    except (TypeError, ValueError, OverflowError):
        pass
    raise StoreError(
        "the SDK token's expires_in is not a number of epoch milliseconds", token_id=token_id
    )


def copy_to_sdk(sdk_token: Any, token: Token, user_signature: Any = None) -> Any:
    """Copy a stored token's values into an SDK token, with its setters; return the SDK token.

    Stored values win. Values that the store does not have are not changed.

    Args:
        sdk_token: The SDK's token.
        token: The stored token.
        user_signature: The SDK's class for the name of a user, if it has one.
    """
    for name, set_name in _SETTERS:
        value = getattr(token, name)
        if value is not None and (setter := getattr(sdk_token, set_name, None)):
            setter(str.__str__(value))  # a secret's own __str__ is a mask
    # Without a known expiry, the old token's expiry must not stay.
    expires = token.expires_at
    sdk_token.set_expires_in(None if expires is None else str(to_epoch_ms(expires)))
    if token.user_name and user_signature:
        sdk_token.set_user_signature(user_signature(token.user_name))
    return sdk_token


def token_identity(sdk_token: Any) -> tuple[str | None, str | None, str | None]:
    """Return the id, user name and client id of an SDK token.

    All are None if it is identified only by one of its secrets.
    """
    id_, signature = sdk_token.get_id(), sdk_token.get_user_signature()
    name = signature.get_name() if signature else None
    return (id_, name, sdk_token.get_client_id()) if id_ or name else (None, None, None)


def is_only_an_id(asked: Token) -> bool:
    """Return True if a token has only an id, as in the SDK's ``revoke(id)``."""
    return asked == Token(id=asked.id)


def wants_user_name(sdk_token: Any) -> bool:
    """Return True if the program wants the SDK to find out the user (``find_user``)."""
    # There is no getter. The SDKs up to 5.0 lack this feature and the attribute.
    return bool(getattr(sdk_token, "_OAuthToken__find_user", False))
