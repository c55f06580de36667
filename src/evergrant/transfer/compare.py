"""What becomes of a token when another store already holds one of the same user and client."""

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
    """What became of one token, or, in a dry run, what would."""

    NEW = "new"
    UPDATED = "updated"
    """An older one was there."""
    SAME = "same"
    FRESHER = "fresher there"
    """The one that is there lives longer; it was left."""
    CONFLICT = "conflict"
    """Nothing says which of the two is the right one, or where this one belongs; it was left."""
    CORRUPT = "corrupt"
    """The source's row cannot be read."""
    FAILED = "failed"
    """It was refused, or what was read back is not what was saved."""


_SET_ON_INSERT = ("created_at", "last_used_at")
"""What a new row takes along, and an old one has its own of."""

_SET_BY_STORE = ("id", "updated_at", "version")


def differences(
    token: Token, there: Token, fields: Collection[str], *, is_new: bool = False
) -> list[str]:
    """Return the fields in which a stored token does not hold what ``token`` says.

    Args:
        fields: Those that the store can hold.
        is_new: The row is this token's alone: it holds nothing else either.
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
    # Stores keep milliseconds.
    return to_epoch_ms(value) if isinstance(value, datetime) else value or None


def decide(token: Token, there: Token, fields: Collection[str]) -> Outcome:
    """Say what is to become of a token where one of its owner is stored already.

    Only what is certainly fresher replaces what is there, so that no grant is lost.
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
    """Say which of two access tokens lives longer; None where nothing tells."""
    both = bool(token.access_token and there.access_token)
    if not both and (not there.refresh_token or token.refresh_token in (None, there.refresh_token)):
        # One grant; one side knows an access token of it.
        return bool(token.access_token)
    ours, theirs = token.expires_at, there.expires_at
    return ours > theirs if both and ours and theirs and ours != theirs else None


def find_counterpart(store: TokenStore, token: Token) -> Token | None:
    """Return the stored token of this one's user and client, or of the same grant, or None.

    Raises:
        Conflict: The token does not say which of several clients or orgs it belongs to.
        CorruptRecord: The row is there, but cannot be read.
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
    # One that has another name is not ours, even if it holds the same grant.
    of_grant = [row for row in found if row and compatible(row, token)]
    return next((row for row in of_grant if not (name and row.user_name)), None)
