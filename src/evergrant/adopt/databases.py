"""SQLite databases and the official SDK's CSV file.

Besides Zoho's own layout (``oauthtoken``, the SDK's and that of its SQLite sample), any table is
recognised that has a column for a refresh or access token: ``zoho_tokens`` (12 distinct
definitions in public repositories), Django's ``app_zohotoken`` and ``app_zohocredentials``,
``clients`` with a client in each row, and ``tokens(key, value)`` with JSON in it.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evergrant.adopt.documents import read_document
from evergrant.adopt.fields import (
    data_center_code,
    field_name,
    looks_like_zoho,
    owner_in,
    read_fields,
    read_token,
    service_in,
)
from evergrant.adopt.found import Found
from evergrant.datacenter import DataCenters
from evergrant.errors import EvergrantError
from evergrant.stores import open_store
from evergrant.stores.tables import DEFAULT_TABLE
from evergrant.token import Secret

__all__ = ["found_in_row", "found_in_store", "quote_name", "read_csv", "read_sqlite"]

MAX_ROWS = 10_000
"""Rows of a table that are read."""

TIMEOUT_S = 2.0
"""Seconds to wait for a database that another program writes."""


def read_sqlite(
    path: Path, source: str, known: DataCenters, now: datetime, *, trusted: bool
) -> tuple[list[Found], list[str]]:
    """Return the grants in a SQLite database, and the problems with it."""
    found: list[Found] = []
    problems: list[str] = []
    try:
        with closing(_connect(path)) as connection:
            tables = _tables(connection)
            for table, columns in tables.items():
                if table != DEFAULT_TABLE:
                    rows = _rows(connection, table, columns)
                    found += _found_in_table(rows, table, columns, source, known, now, trusted)
    except sqlite3.Error as error:
        return found, [f"it cannot be read: {error}"]
    if DEFAULT_TABLE in tables:
        url = f"sqlite:///{quote(str(path.absolute()))}"
        official, problems = found_in_store(url, source, known, "official SDK's table")
        found += official
    return found, problems


def read_csv(path: Path, source: str, known: DataCenters) -> tuple[list[Found], list[str]]:
    """Return the grants in the official SDK's CSV file, and the problems with it."""
    url = f"file://{quote(str(path.absolute()))}"
    return found_in_store(url, source, known, "official SDK's CSV")


def found_in_store(
    url: str, source: str, known: DataCenters, shape: str
) -> tuple[list[Found], list[str]]:
    """Return the grants in a store of the official layout, and the problems with it."""
    corrupt: list[str] = []
    try:
        # Without keys: what other programs keep is not encrypted.
        with open_store(url, read_only=True, keys=None) as store:
            tokens = list(store.iter_tokens(on_corrupt=lambda error: corrupt.append(error.message)))
    except EvergrantError as error:
        return [], [error.message]
    found = [
        Found(
            token=token,
            shape=shape,
            source=source,
            data_center=data_center_code({"api_domain": token.api_domain}, known),
            key=token.user_name or Path(source).stem,
            names=(source.rpartition("/")[2],),
        )
        for token in tokens
        if not token.is_blank
    ]
    if corrupt:
        count = "a row" if len(corrupt) == 1 else f"{len(corrupt)} rows"
        return found, [f"{count} cannot be read: {corrupt[0]}"]
    return found, []


def found_in_row(
    row: Mapping[str, Any], source: str, table: str, known: DataCenters, now: datetime
) -> Found | None:
    """Return the grant in a row, by the names of its columns or of the fields."""
    values = read_fields(row)
    token = read_token(values, known, now)
    if token is None:
        return None
    return Found(
        token=token,
        shape="table",
        source=f"{source}#{table}",
        data_center=data_center_code(values, known),
        service=service_in(table) or service_in(source),
        key=owner_in(values) or table,
        names=(table, source.rpartition("/")[2]),
    )


def quote_name(name: str) -> str:
    """Return the name of a table or column as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _connect(path: Path) -> sqlite3.Connection:
    target = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(target, uri=True, timeout=TIMEOUT_S)
    connection.row_factory = sqlite3.Row
    return connection


def _tables(connection: sqlite3.Connection) -> dict[str, list[str]]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        row["name"]: [
            column["name"]
            for column in connection.execute(f"PRAGMA table_info({quote_name(row['name'])})")
        ]
        for row in names
    }


def _rows(
    connection: sqlite3.Connection, table: str, columns: Iterable[str]
) -> Iterator[dict[str, Any]]:
    fields = {field_name(column) for column in columns}
    if not (fields & {"refresh_token", "access_token"} or {"key", "value"} <= set(columns)):
        return
    statement = f"SELECT * FROM {quote_name(table)} LIMIT {MAX_ROWS}"  # noqa: S608 - quoted
    for row in connection.execute(statement):
        yield {
            name: Secret(row[name]) if isinstance(row[name], str) else row[name]
            for name in row.keys()  # noqa: SIM118 - a row iterates over its values
        }


def _found_in_table(
    rows: Iterable[dict[str, Any]],
    table: str,
    columns: Iterable[str],
    source: str,
    known: DataCenters,
    now: datetime,
    trusted: bool,  # noqa: FBT001 - passed on
) -> Iterator[Found]:
    trusted = trusted or "zoho" in f"{source}#{table}".lower()
    names = list(columns)
    for row in rows:
        if "value" in names and isinstance(row.get("value"), str):
            text = io.BytesIO(str.__str__(row["value"]).encode())
            grants, _, _ = read_document(text, f"{source}#{table}", known, now, trusted=trusted)
            yield from grants
        elif trusted or looks_like_zoho(read_fields(row)):
            found = found_in_row(row, source, table, known, now)
            if found:
                yield found
