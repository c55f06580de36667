"""Verifies that a store of the user's own kept a row as it was given."""

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
"""Allowed rounding of the expiry, in milliseconds, for stores with one-second resolution."""


def with_columns(row: Iterable[Any], **columns: str | int | None) -> Row:
    """Return a row with some columns changed."""
    return Row(row)._replace(**columns)


def as_stored(kept: Row, row: Row) -> Row:
    """Return a saved row with the official columns as the store returns them."""
    latest = max(version_of(kept), version_of(row))
    return with_columns((*kept[:OFFICIAL_COUNT], *row[OFFICIAL_COUNT:]), version=latest)


def owner_of(row: Row) -> Token:
    """Return the user, client and org of a row, whose other values may be unreadable."""
    return Token(**{name: getattr(row, name) for name in ("user_name", "client_id", "org_id")})


def version_of(row: Row) -> int:
    """Return the version of a row, or 0 if the store keeps none."""
    return int(row.version or 0)


def changed_columns(row: Row, kept: Row) -> list[str]:
    """Return the official columns, except the id, in which the kept row differs from the saved."""
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
    """Refuse a kept row that differs from the saved one.

    Raises:
        StoreError: They differ; the message names the columns, never the values.
    """
    if columns := changed_columns(row, kept):
        raise not_saved_error(
            row, f"save_token changed {', '.join(columns)} of the token that it was given"
        )


def not_saved_error(
    row: Row, what: str, hint: str = "Fix save_token; the token is not safe."
) -> StoreError:
    """Return the error to raise for a token that was not saved as given."""
    return StoreError(
        what, token_id=str(row.id), user=str(row.user_name) if row.user_name else None, hint=hint
    )
