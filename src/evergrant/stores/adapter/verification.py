"""What another's store made of a row that it was given: the same, or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evergrant.errors import StoreError
from evergrant.stores.rows import OFFICIAL_COLUMNS, Row
from evergrant.token import Token

__all__ = [
    "OFFICIAL_COUNT",
    "as_stored",
    "changed_columns",
    "not_saved_error",
    "owner_of",
    "require_unchanged",
    "version_of",
    "with_columns",
]

OFFICIAL_COUNT = len(OFFICIAL_COLUMNS)
EXPIRY_ROUNDING_MS = 1_000
"""Milliseconds that a store may drop of an expiry: a column of whole seconds is good enough."""


def with_columns(row: Iterable[Any], **columns: str | int | None) -> Row:
    """Return a row with some columns changed."""
    return Row(row)._replace(**columns)


def as_stored(kept: Row, row: Row) -> Row:
    """Return a saved row with the official columns as the store has them."""
    latest = max(version_of(kept), version_of(row))
    return with_columns((*kept[:OFFICIAL_COUNT], *row[OFFICIAL_COUNT:]), version=latest)


def owner_of(row: Row) -> Token:
    """Return the user, client and org of a row, which may hold nothing else that is readable."""
    return Token(**{name: getattr(row, name) for name in ("user_name", "client_id", "org_id")})


def version_of(row: Row) -> int:
    """Return the version of a row; 0 where the store keeps none."""
    return int(row.version or 0)


def changed_columns(row: Row, kept: Row) -> list[str]:
    """Return the official columns, but the id, in which what is kept is not what was saved."""
    return [
        column
        for column in OFFICIAL_COLUMNS[1:]
        if getattr(row, column) != getattr(kept, column)
        and not (column == "expiry_time" and _is_rounded(row, kept))
    ]


def _is_rounded(row: Row, kept: Row) -> bool:
    if row.expiry_time is None or kept.expiry_time is None:
        return False
    return abs(int(row.expiry_time) - int(kept.expiry_time)) < EXPIRY_ROUNDING_MS


def require_unchanged(row: Row, kept: Row) -> None:
    """Refuse what is not what was saved.

    Raises:
        StoreError: Names the columns, never the values.
    """
    if columns := changed_columns(row, kept):
        raise not_saved_error(
            row, f"save_token kept another {', '.join(columns)} than it was given"
        )


def not_saved_error(
    row: Row, what: str, hint: str = "Mend save_token; the token is not safe."
) -> StoreError:
    """Return the error for a token that was not saved as it is."""
    return StoreError(
        what, token_id=str(row.id), user=str(row.user_name) if row.user_name else None, hint=hint
    )
