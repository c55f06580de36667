"""The tokens of a lifeboat, each with where it is."""

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
        over: Names the grant that it takes the place of, where that is known.
        path: Its file; None: only memory holds it.
    """

    token: Token
    over: str | None = None
    path: Path | None = None


def is_same(one: Token, other: Token) -> bool:
    """Return True if two tokens are of one row, or of one grant that has no row yet."""
    same = one.access_token is not None and one.access_token == other.access_token
    return same or is_of_row(one, other)


def is_of_row(one: Token, other: Token) -> bool:
    """Return True if two tokens are of one row: its id may have become another user's."""
    if one.id is None or one.id != other.id:
        return False
    return one.refresh_token == other.refresh_token or compatible(one, other)
