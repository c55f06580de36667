"""The SQL of a SQLite store. Every value is a parameter; the table's name is checked."""
# ruff: noqa: S608 - the only text put into a statement is the table's name, which was checked

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter

from evergrant._masking import Masked
from evergrant.errors import ConfigError
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, ID_DIGITS, Row

__all__ = [
    "COUNT",
    "COUNTED",
    "CREATE_COUNTERS",
    "CREATE_LEASES",
    "CREATE_NOTES",
    "END_LEASE",
    "END_LEASES",
    "END_NOTE",
    "END_OLD_NOTES",
    "FIND_LEASE",
    "FIND_NOTE",
    "GRANT_LEASE",
    "INDEXES",
    "INDEX_NOTES",
    "NO_NOTES",
    "PUT_NOTE",
    "RAISE_COUNT",
    "Statements",
    "Values",
]

INDEXES = {
    "person": "user_name COLLATE NOCASE, client_id",
    "access_token": "access_token",
    "refresh_token": "refresh_token",
    "grant_token": "grant_token",
}
"""Name and columns of each index."""

_TABLE = re.compile(r"(?!sqlite_|evergrant_)[a-z_][a-z0-9_]{0,62}", re.ASCII | re.IGNORECASE)
_WIDTHS = {"id": "varchar(10) NOT NULL", "expiry_time": "varchar(20)", "version": "integer"}
_COLUMNS = ", ".join(COLUMNS)
_LASTING = ("user_name", "client_id", "refresh_token", "grant_token")
_REFRESHED = tuple(column for column in COLUMNS[1:] if column not in _LASTING)
_lasting = attrgetter(*_LASTING)
_refreshed = attrgetter(*_REFRESHED)
_NO_CASE = "COLLATE NOCASE"  # for the letters A to Z; finds too many rows, but never too few
_UNCHANGED = "WHERE id = ? AND coalesce(version, 0) = ?"

CREATE_LEASES = """CREATE TABLE evergrant_lease (
    token_table text NOT NULL, id text NOT NULL, owner text NOT NULL,
    since integer NOT NULL, until integer NOT NULL, PRIMARY KEY (token_table, id))"""
CREATE_COUNTERS = """CREATE TABLE evergrant_counter (
    token_table text NOT NULL PRIMARY KEY, last integer NOT NULL)"""
FIND_LEASE = "SELECT owner, since, until FROM evergrant_lease WHERE token_table = ? AND id = ?"
GRANT_LEASE = "INSERT OR REPLACE INTO evergrant_lease VALUES (?, ?, ?, ?, ?)"
END_LEASE = "DELETE FROM evergrant_lease WHERE token_table = ? AND id = ? AND owner = ?"
END_LEASES = "DELETE FROM evergrant_lease WHERE token_table = ?"
CREATE_NOTES = """CREATE TABLE evergrant_note (
    token_table text NOT NULL, key text NOT NULL, text text NOT NULL, until integer NOT NULL,
    PRIMARY KEY (token_table, key))"""
INDEX_NOTES = "CREATE INDEX evergrant_note_until ON evergrant_note (token_table, until)"
NO_NOTES = """CREATE TEMP VIEW evergrant_note AS
    SELECT '' AS token_table, '' AS key, '' AS text, 0 AS until WHERE false"""
FIND_NOTE = "SELECT text FROM evergrant_note WHERE token_table = ? AND key = ?"
PUT_NOTE = "INSERT OR REPLACE INTO evergrant_note VALUES (?, ?, ?, ?)"
END_NOTE = "DELETE FROM evergrant_note WHERE token_table = ? AND key = ?"
END_OLD_NOTES = "DELETE FROM evergrant_note WHERE token_table = ? AND until < ?"
COUNT = "UPDATE evergrant_counter SET last = last + 1 WHERE token_table = ?"
COUNTED = "SELECT last FROM evergrant_counter WHERE token_table = ?"
RAISE_COUNT = "UPDATE evergrant_counter SET last = max(last, ?) WHERE token_table = ?"


class Values(Masked, tuple[str | int | None, ...]):
    """Parameters of a statement, masked because a traceback may print local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} values>"


class Statements:
    """The statements on one table of tokens.

    Attributes:
        name: The table's name.
        key: Its name in evergrant's own tables, in lower case since SQLite ignores case.

    Raises:
        ConfigError: A table cannot have this name, or the name is reserved.
    """

    def __init__(self, name: str) -> None:
        if not _TABLE.fullmatch(name):
            raise ConfigError(
                f"{name!r} cannot be the name of a table of tokens",
                hint="Use letters, digits and underscores; sqlite_ and evergrant_ are taken.",
            )
        self.name = name
        self.key = name.lower()
        self._selects: dict[tuple[str, ...], str] = {}
        # Two ranges of the index; ";" is the character after ":". LIKE would take % and _ in a
        # name for wildcards.
        self.select_named = (
            f'SELECT {_COLUMNS} FROM "{name}" WHERE user_name = ? {_NO_CASE} UNION ALL '
            f'SELECT {_COLUMNS} FROM "{name}" '
            f"WHERE user_name >= ? {_NO_CASE} AND user_name < ? {_NO_CASE}"
        )
        self.select_page = (
            f'SELECT rowid, {_COLUMNS} FROM "{name}" WHERE rowid > ? ORDER BY rowid LIMIT ?'
        )
        # Only ids that a generated id could equal.
        self.select_largest = (
            f'SELECT coalesce(max(CAST(id AS integer)), 0) FROM "{name}" '
            f"WHERE length(id) <= {ID_DIGITS} AND id NOT GLOB '*[^0-9]*'"
        )
        self.insert = (
            f'INSERT INTO "{name}" ({_COLUMNS}) VALUES ({", ".join("?" * len(COLUMNS))}) '
            "ON CONFLICT (id) DO NOTHING"
        )
        self._update = f'UPDATE "{name}" SET {_settings(COLUMNS[1:])} {_UNCHANGED}'
        self._refresh = f'UPDATE "{name}" SET {_settings(_REFRESHED)} {_UNCHANGED}' + "".join(
            f" AND {column} IS ?" for column in _LASTING
        )
        self.delete = f'DELETE FROM "{name}" WHERE id = ?'
        self.delete_all = f'DELETE FROM "{name}"'
        self.create_table = (
            f'CREATE TABLE "{name}" '
            f"({', '.join(f'{column} {_type(column)}' for column in COLUMNS)}, PRIMARY KEY (id))"
        )

    def start_counter(self, least: int) -> str:
        """Return the statement that starts the id counter at the largest id, or at ``least``."""
        return (
            "INSERT INTO evergrant_counter "
            f"VALUES ('{self.key}', max({least:d}, ({self.select_largest})))"
        )

    def select(self, criterion: Criterion) -> str:
        """Return the statement that looks up rows by a criterion's columns."""
        columns = tuple(criterion)
        known = self._selects.get(columns)
        if known is None:
            equal = " AND ".join(
                f"{column} = :{column}" + f" {_NO_CASE}" * (column == "user_name")
                for column in columns
            )
            known = f'SELECT {_COLUMNS} FROM "{self.name}" WHERE {equal}'
            self._selects[columns] = known
        return known

    def updates(self, row: Row, version: int) -> Iterator[tuple[str, Values]]:
        """Yield statements that replace a row, with their values; run them until one changes a row.

        A refresh does not change the columns of three indexes. A statement that does not set them
        writes half as many pages.
        """
        yield self._refresh, Values((*_refreshed(row), row.id, version, *_lasting(row)))
        yield self._update, Values((*row[1:], row.id, version))

    def add_column(self, column: str) -> str:
        """Return the statement that adds one of evergrant's columns."""
        return f'ALTER TABLE "{self.name}" ADD COLUMN {column} {_type(column)}'

    def create_read_only_view(self, present: Collection[str]) -> str:
        """Return the statement that creates a view, which its connection sees instead of the table.

        Args:
            present: The table's columns.
        """
        columns = ", ".join(
            column if column in present else f"NULL AS {column}" for column in COLUMNS
        )
        return (
            f'CREATE TEMP VIEW "{self.name}" AS '
            f'SELECT rowid AS rowid, {columns} FROM main."{self.name}"'
        )

    def index_name(self, name: str) -> str:
        """Return the name of an index of `INDEXES` on this table."""
        return f"evergrant_{self.key}_{name}"

    def create_index(self, name: str) -> str:
        """Return the statement that creates an index of `INDEXES`."""
        return f'CREATE INDEX {self.index_name(name)} ON "{self.name}" ({INDEXES[name]})'


def _settings(columns: Iterable[str]) -> str:
    return ", ".join(f"{column} = ?" for column in columns)


def _type(column: str) -> str:
    return _WIDTHS.get(column, "varchar(255)")
