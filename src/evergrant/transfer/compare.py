"""Decides between a token and the one that the target holds for the same user and client."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from enum import Enum

from evergrant._user_names import same_name
from evergrant.clock import to_epoch_ms
from evergrant.stores.base import TokenStore
from evergrant.stores.matching import compatible, row_of_user
from evergrant.token import Token

__all__ = ["Outcome", "decide", "differences", "find_counterpart"]


class Outcome(Enum):
    """The result for one token, or in a dry run, what the result would be."""

    NEW = "new"
    UPDATED = "updated"
    """The target held an older token."""
    SAME = "same"
    FRESHER = "fresher there"
    """The target's token lives longer; it was kept."""
    CONFLICT = "conflict"
    """It is unclear which token is right, or where this one belongs; the target was not changed."""
    CORRUPT = "corrupt"
    """The source's row cannot be read."""
    FAILED = "failed"
    """The target refused it, or what was read back differs from what was saved."""


_SET_ON_INSERT = ("created_at", "last_used_at")
"""Fields that a new row takes from the source, and an existing row keeps."""

_SET_BY_STORE = ("id", "updated_at", "version")


def differences(
    token: Token, there: Token, fields: Collection[str], *, is_new: bool = False
) -> list[str]:
    """Return the fields in which the stored token lacks a value of ``token``.

    Args:
        token: The token from the source.
        there: The stored token.
        fields: The fields that the store can hold.
        is_new: The row was made for this token, so it must hold nothing else.
    """
    passed_over = _SET_BY_STORE if is_new else (*_SET_BY_STORE, *_SET_ON_INSERT)
    return [
        field
        for field in fields
        if field not in passed_over
        and _comparable_value(token, field) != _comparable_value(there, field)
        and (_comparable_value(token, field) or (is_new and field not in _SET_ON_INSERT))
    ]


def _comparable_value(token: Token, field: str) -> object:
    value = getattr(token, field)
    # Stores keep times in milliseconds.
    return to_epoch_ms(value) if isinstance(value, datetime) else value or None


def decide(token: Token, there: Token, fields: Collection[str]) -> Outcome:
    """Return the outcome for a token whose owner already has a stored one.

    Only a certainly fresher token replaces the stored one, so that no grant is lost.
    """
    differs = differences(token, there, fields)
    if not differs:
        return Outcome.SAME
    if token.access_token == there.access_token:
        only_gaps = not any(_comparable_value(there, field) for field in differs)
        return Outcome.UPDATED if only_gaps else Outcome.CONFLICT
    longer = _lives_longer(token, there)
    if longer:
        return Outcome.UPDATED
    refreshable = bool(there.refresh_token) or not token.refresh_token
    return Outcome.FRESHER if longer is False and refreshable else Outcome.CONFLICT


def _lives_longer(token: Token, there: Token) -> bool | None:
    """Return True if ``token`` lives longer than ``there``, or None if unknown."""
    both = bool(token.access_token and there.access_token)
    if not both and (not there.refresh_token or token.refresh_token in (None, there.refresh_token)):
        # The same grant: only one side has an access token of it.
        return bool(token.access_token)
    ours, theirs = token.expires_at, there.expires_at
    return ours > theirs if both and ours and theirs and ours != theirs else None


def find_counterpart(store: TokenStore, token: Token) -> Token | None:
    """Return the stored token of the same user and client, or of the same grant, or None.

    Raises:
        Conflict: The token does not say which of several clients or orgs it belongs to.
        CorruptRecord: The row exists, but cannot be read.
    """
    name = token.user_name
    if name:
        own = [row for row in store.find_users(name) if same_name(row.user_name or "", name)]
        if row := row_of_user(token, lambda _: own):
            return row
    client = Token(client_id=token.client_id, client_secret=token.client_secret)
    partial = (
        replace(client, refresh_token=token.refresh_token),
        replace(client, grant_token=token.grant_token),
        Token(access_token=token.access_token),
    )
    found = map(store.find_token, partial)
    # A row with another name belongs to another user, even if it holds the same grant.
    of_grant = [row for row in found if row and compatible(row, token)]
    return next((row for row in of_grant if not (name and row.user_name)), None)
