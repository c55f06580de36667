"""What all databases have in common: the names of tables, and what a table of tokens must have."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from evergrant.errors import StoreUnavailable
from evergrant.stores.rows import OFFICIAL_COLUMNS

__all__ = [
    "COUNTER_TABLE",
    "DEFAULT_TABLE",
    "LEASE_TABLE",
    "NOTE_TABLE",
    "not_a_token_table",
    "validate_layout",
]

DEFAULT_TABLE = "oauthtoken"
"""The table of the official SDK and of Zoho's sample."""

COUNTER_TABLE = "evergrant_counter"
LEASE_TABLE = "evergrant_lease"
NOTE_TABLE = "evergrant_note"


def validate_layout(table: str, columns: Collection[str], key: Sequence[str], place: str) -> None:
    """Refuse a table that cannot hold tokens.

    Args:
        columns: The names of its columns, in lower case.
        key: The columns of its primary key.
        place: What the hint suggests to name instead, such as "database".

    Raises:
        StoreUnavailable: It lacks an official column, or its primary key is not the id.
    """
    lacking = [column for column in OFFICIAL_COLUMNS if column not in columns]
    if lacking:
        raise not_a_token_table(table, f"it has no column {', '.join(lacking)}", place)
    if list(key) != ["id"]:
        raise not_a_token_table(table, "its primary key is not the id", place)


def not_a_token_table(table: str, why: str, place: str) -> StoreUnavailable:
    """Return the error to raise for a table that does not hold tokens."""
    return StoreUnavailable(
        f"{table} does not hold tokens: {why}; nothing was changed",
        hint=f"Name another table (?table=...) or another {place}.",
        retryable=False,
    )
