"""What another's store made of a row that it was given: the same, or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evergrant.errors import StoreError
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS, MaskedRow, Row
from evergrant.token import Token

__all__ = [
    "OFFICIAL",
    "altered",
    "as_kept",
    "changed",
    "lost",
    "owner_of",
    "refuse_altered",
    "version_of",
]

OFFICIAL = len(OFFICIAL_COLUMNS)
EXPIRY = COLUMNS.index("expiry_time")
COARSE = 1_000
"""Milliseconds that a store may drop of an expiry: a column of whole seconds is good enough."""


def changed(row: Iterable[Any], **columns: str | int | None) -> Row:
    """Return a row with some columns changed."""
    return MaskedRow((dict(zip(COLUMNS, row, strict=True)) | columns).values())


def as_kept(kept: Row, row: Row) -> Row:
    """Return a saved row with the official columns as the store has them."""
    latest = max(version_of(kept), version_of(row))
    return changed((*kept[:OFFICIAL], *row[OFFICIAL:]), version=latest)


def owner_of(row: Row) -> Token:
    """Return the user, client and org of a row, which may hold nothing else that is readable."""
    named: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    return Token(**{name: named[name] for name in ("user_name", "client_id", "org_id")})


def version_of(row: Row) -> int:
    """Return the version of a row; 0 where the store keeps none."""
    return int(row[-1] or 0)


def altered(row: Row, kept: Row) -> list[str]:
    """Return the official columns, but the id, in which what is kept is not what was saved."""
    columns = range(1, OFFICIAL)
    return [COLUMNS[at] for at in columns if row[at] != kept[at] and not _is_coarse(at, row, kept)]


def _is_coarse(at: int, row: Row, kept: Row) -> bool:
    if at != EXPIRY or row[at] is None or kept[at] is None:
        return False
    return abs(int(str(row[at])) - int(str(kept[at]))) < COARSE


def refuse_altered(row: Row, kept: Row) -> None:
    """Refuse what is not what was saved.

    Raises:
        StoreError: Names the columns, never the values.
    """
    if columns := altered(row, kept):
        raise lost(row, f"save_token kept another {', '.join(columns)} than it was given")


def lost(row: Row, what: str, hint: str = "Mend save_token; the token is not safe.") -> StoreError:
    """Return the error for a token that was not saved as it is."""
    return StoreError(what, token_id=str(row[0]), user=str(row[1]) if row[1] else None, hint=hint)
