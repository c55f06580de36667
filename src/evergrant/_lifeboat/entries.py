"""The entries of a lifeboat: pending tokens, each with its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evergrant.stores.matching import compatible
from evergrant.token import Token

__all__ = ["Entry", "is_of_row", "is_same"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A token that waits.

    Attributes:
        replaces: The fingerprint of the grant that it supersedes, if known.
        path: Its file, or None if only memory holds it.
    """

    token: Token
    replaces: str | None = None
    path: Path | None = None


def is_same(one: Token, other: Token) -> bool:
    """Return True if both tokens belong to one row, or (before the first save) to one grant."""
    same = one.access_token is not None and one.access_token == other.access_token
    return same or is_of_row(one, other)


def is_of_row(one: Token, other: Token) -> bool:
    """Return True if both tokens belong to one row: its id may be another user's now."""
    if one.id is None or one.id != other.id:
        return False
    return one.refresh_token == other.refresh_token or compatible(one, other)
