"""How deletions are recorded: a row that is merely absent may have been lost with its storage.

The records are notes in the storage itself. Where that is lost, so are they, and a row that is
absent then was not deleted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from evergrant.token import Token

__all__ = [
    "ALL",
    "ANY_GRANT",
    "DELETED",
    "KEEP_MS",
    "MAX_GRANTS",
    "deletion_key",
    "grant_mark",
    "last_saved",
    "name_of_grant",
]

KEEP_MS = 400 * 86_400_000
"""Milliseconds for which a deletion is remembered: a grant may wait that long for its store."""

MAX_GRANTS = 50
"""Deleted grants that are remembered for one id."""

ANY_GRANT = "*"
"""Stands for the grant of a deleted row that could not be read."""

DELETED = "deleted:"
"""Prefix of the keys of notes about deletions."""

ALL = f"{DELETED}all"
"""Key of the note about rows that were all deleted together."""

_BEGINNING = datetime.fromtimestamp(0, UTC)


def name_of_grant(token: Token | None) -> str | None:
    """Return a digest that identifies a token's grant without revealing it, or None."""
    secret = token.refresh_token if token else None
    return secret and sha256(str.encode(secret)).hexdigest()[:16]


def grant_mark(token: Token) -> str:
    """Return what a note says of a token's grant."""
    return name_of_grant(token) or "-"


def last_saved(token: Token) -> datetime:
    """Return when a token was saved, or the beginning of the epoch if it does not say."""
    return token.updated_at or token.created_at or _BEGINNING


def deletion_key(id_: str) -> str:
    """Return the key of the note about the deleted rows with this id."""
    return f"{DELETED}{sha256(id_.encode(errors='surrogatepass')).hexdigest()[:32]}"
