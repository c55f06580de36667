"""What a table of tokens has room for; it may be the official SDK's, which we may not change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Table

from evergrant.errors import StoreError
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS, Row
from evergrant.stores.sql.statements import Values

__all__ = ["Layout"]


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables and columns that a database has.

    Attributes:
        database: Its name.
        tokens: The table of tokens, with the columns that it has, by their official names.
        widths: The columns of limited length, and how many characters they hold.
        holds_nul: Whether a text may contain a zero character.
        ignores_case: Whether the database itself compares user names without case.
        counters: evergrant's own table; `has_counters` says whether it exists.
        leases: evergrant's own table; `has_leases` says whether it exists.
        notes: evergrant's own table; `has_notes` says whether it exists.
        was_complete: The table of tokens had all columns before this store was opened.
    """

    database: str
    tokens: Table
    widths: dict[str, int]
    holds_nul: bool
    ignores_case: bool
    counters: Table
    leases: Table
    notes: Table
    has_counters: bool
    has_leases: bool
    has_notes: bool
    was_complete: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the table has all columns."""
        return len(self.tokens.columns) == len(COLUMNS)

    @property
    def has_own_tables(self) -> bool:
        """Whether all of evergrant's own tables exist."""
        return self.has_counters and self.has_leases and self.has_notes

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a token that the table has columns for."""
        columns = self.tokens.columns.keys()
        return tuple("expires_at" if name == "expiry_time" else name for name in columns)

    @property
    def has_versions(self) -> bool:
        """Whether the table has a column for versions."""
        return "version" in self.tokens.columns

    def validation_error(self, column: str, value: str | int | None) -> str | None:
        """Return why a column cannot hold a value, or None if it can."""
        if not isinstance(value, str):
            return None
        width = self.widths.get(column)
        if width is not None and len(value) > width:
            return f"is longer than the {width} characters that fit"
        if "\0" in value and not self.holds_nul:
            return "contains a zero character, which PostgreSQL cannot hold"
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            return "is not sound Unicode"
        return None

    def values(self, row: Row) -> Values:
        """Return a row's values by their columns.

        Raises:
            StoreError: A value does not fit; MySQL may silently cut it short.
        """
        values = Values(zip(COLUMNS, row, strict=True))
        for column in self.tokens.columns.keys():  # noqa: SIM118 - a collection, not a dictionary
            if misfit := self.validation_error(column, values[column]):
                raise StoreError(
                    f"the {column} {misfit}; nothing was saved",
                    token_id=str(row.id),
                    hint="Save another value, or widen the column and open the store again.",
                )
        return values

    def as_stored(self, row: Row) -> Row:
        """Return a row as the table holds it.

        If the table has no column for versions, the version is a hash of the values. It reveals
        every change in between, by any program, to a writer that expects it.
        """
        kept = Row(
            value if column in self.tokens.columns else None
            for column, value in zip(COLUMNS, row, strict=True)
        )
        if self.has_versions:
            return kept
        content = "\0".join(str(value or "") for value in kept[1 : len(OFFICIAL_COLUMNS)])
        digest = hashlib.sha256(content.encode(errors="replace")).digest()
        # As long as other versions are.
        return kept._replace(version=(int.from_bytes(digest[:7], "big") >> 3) + 1)
