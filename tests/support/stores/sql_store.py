"""What the tests of the SQL store share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine

from evergrant.stores.rows import OFFICIAL_COLUMNS
from tests.support.servers.databases import Database
from tests.support.waiting import until

PATIENCE = 60.0
"""Seconds within which what is waited for must happen, on the slowest machine."""

BETWEEN_LOOKS_S = 0.15
"""Seconds between two looks at who waits for a lock. MariaDB shows what it last found,
and looks again only after 0.1 s without a question: asked more often, it may never show a wait."""

WIDTHS = {"id": "varchar(10) NOT NULL", "expiry_time": "varchar(20)"}


def official_table(
    database: Database,
    name: str = "oauthtoken",
    *,
    end: str = "",
    without: str = "",
    **columns: str,
) -> None:
    """Create the official SDK's table.

    Args:
        end: What follows the columns.
        without: A column to leave out.
        columns: The types of columns that are to have others.
    """
    types = {column: WIDTHS.get(column, "varchar(255)") for column in OFFICIAL_COLUMNS} | columns
    texts = [f"{column} {type_}" for column, type_ in types.items() if column != without]
    database.execute(f"CREATE TABLE {name} ({', '.join(texts)}, PRIMARY KEY (id)) {end}")


def put(database: Database, table: str = "oauthtoken", **values: str) -> None:
    """Write a row as another program would."""
    quoted = ", ".join(f"'{value}'" for value in values.values())
    database.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({quoted})")


def columns_of(database: Database, table: str = "oauthtoken") -> list[str]:
    """Return the names of a table's columns, in their order."""
    rows = database.execute(
        "SELECT column_name FROM information_schema.columns "
        f"WHERE table_name = '{table}' AND '{database.name}' IN (table_schema, table_catalog) "
        "ORDER BY ordinal_position"
    )
    return [name for (name,) in rows]


@contextmanager
def elsewhere(database: Database) -> Iterator[Connection]:
    """Give a connection of another program, in a transaction that is undone at the end."""
    engine = create_engine(database.url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def in_background(work: Any) -> Iterator[list[Any]]:
    """Let a thread work meanwhile; give the list that then has its result, or its error."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield results
    thread.join()


def until_waiting(database: Database) -> None:
    """Return once a connection to a database waits for another's lock."""
    query = (
        "SELECT count(*) FROM information_schema.innodb_lock_waits"
        if "mysql" in database.url
        else "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        f"AND datname = '{database.name}'"
    )
    until(lambda: database.execute(query) != [(0,)], pause=BETWEEN_LOOKS_S)
