"""Makes a database a token store: the official table, extended, and three tables of evergrant's."""

from __future__ import annotations

from collections.abc import Iterator

from evergrant.errors import StoreMissing
from evergrant.stores.rows import COLUMNS
from evergrant.stores.sqlite import files
from evergrant.stores.sqlite.connections import Connection
from evergrant.stores.sqlite.statements import (
    COUNTED,
    CREATE_COUNTERS,
    CREATE_LEASES,
    CREATE_NOTES,
    INDEX_NOTES,
    INDEXES,
    NO_NOTES,
    Statements,
)
from evergrant.stores.tables import not_a_token_table, validate_layout
from evergrant.stores.versions import random_first_version

__all__ = ["prepare", "prepare_read_only"]


def prepare(connection: Connection, sql: Statements, path: str | None) -> None:
    """Create or extend the tables in one transaction, unless the database is complete.

    Args:
        path: The database's file, or None for a database in memory.

    Raises:
        StoreUnavailable: The table is no table of tokens; nothing was changed.
    """
    todo = list(_missing(connection, sql))
    if path is not None:
        files.tighten(path)
        connection.run("PRAGMA journal_mode=WAL")
    if todo:
        with connection.transaction():
            # Checked again in the transaction, since another process may have been faster.
            for statement in _missing(connection, sql):
                connection.run(statement)


def prepare_read_only(connection: Connection, sql: Statements, store: str) -> None:
    """Let a connection read a table as it is; columns and tables that are missing appear empty.

    Args:
        store: The store's URL.

    Raises:
        StoreMissing: There is no such table.
        StoreUnavailable: The table is no table of tokens.
    """
    kinds = _kinds(connection)
    if sql.key not in kinds:
        raise StoreMissing(f"there is no table {sql.name} in {store}")
    connection.run(sql.create_read_only_view(_checked_columns(connection, sql, kinds[sql.key])))
    if "evergrant_note" not in kinds:
        connection.run(NO_NOTES)
    connection.run("PRAGMA query_only=ON")


def _missing(connection: Connection, sql: Statements) -> Iterator[str]:
    """Yield the statements that make the database complete."""
    kinds = _kinds(connection)
    least = 0
    if sql.key not in kinds:
        yield sql.create_table
    else:
        present = _checked_columns(connection, sql, kinds[sql.key])
        if present.issuperset(COLUMNS):
            least = (
                random_first_version()
            )  # ids were counted, and if there is no count, it was lost
        yield from (sql.add_column(column) for column in COLUMNS if column not in present)
    yield from (sql.create_index(name) for name in INDEXES if sql.index_name(name) not in kinds)
    if "evergrant_lease" not in kinds:
        yield CREATE_LEASES
    if "evergrant_note" not in kinds:
        yield CREATE_NOTES
        yield INDEX_NOTES
    if "evergrant_counter" not in kinds:
        yield CREATE_COUNTERS
        yield sql.start_counter(least)
    elif not connection.run(COUNTED, (sql.key,))[0]:
        yield sql.start_counter(least)


def _kinds(connection: Connection) -> dict[str, str]:
    found, _ = connection.run("SELECT lower(name), type FROM sqlite_master")
    return dict(found)


def _checked_columns(connection: Connection, sql: Statements, kind: str) -> set[str]:
    found, _ = connection.run("SELECT lower(name), pk FROM pragma_table_info(?)", (sql.name,))
    columns = {name for name, _ in found}
    if kind != "table":
        why = f"it is not a table, but {'an' if kind == 'index' else 'a'} {kind}"
        raise not_a_token_table(sql.name, why, "file")
    validate_layout(sql.name, columns, [name for name, key in found if key], "file")
    return columns
