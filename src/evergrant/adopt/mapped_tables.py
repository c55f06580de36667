"""A table of a foreign layout, whose columns are named in a URL.

sqlite:///app.db?table=credentials&map=access_token:tok,refresh_token:ref,owner:email
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from evergrant._masking import masks_locals
from evergrant.adopt.databases import MAX_ROWS, TIMEOUT_S, found_in_row, quote_name
from evergrant.adopt.fields import field_name
from evergrant.adopt.found import Found
from evergrant.datacenter import DataCenters
from evergrant.errors import ConfigError, MissingExtra, StoreUnavailable
from evergrant.stores.urls import hide_password, is_sql
from evergrant.token import Secret

__all__ = ["is_mapped", "read_mapped_table"]

FIELDS = (
    "access_token",
    "refresh_token",
    "client_id",
    "client_secret",
    "expires_at",
    "user_name",
    "owner",
    "org_id",
    "api_domain",
    "accounts_url",
    "data_center",
    "scopes",
    "redirect_url",
)
"""What a column can hold. ``owner`` is a name of the program's own, such as a user's id."""


def is_mapped(url: str) -> bool:
    """Return True if a URL names the columns of a table."""
    return "map" in _parameters(url)


@masks_locals
def read_mapped_table(url: str, known: DataCenters, now: datetime) -> list[Found]:
    """Return the grants in a table of a foreign layout; nothing in it is changed.

    Raises:
        ConfigError: The URL does not say which table and columns.
        MissingExtra: The driver of the database is not installed.
        StoreUnavailable: The database cannot be read.
    """
    url = Secret(url)
    parameters = _parameters(url)
    table = parameters.get("table", "")
    columns = _columns(parameters["map"])
    if not table:
        raise ConfigError(
            "the URL does not say which table to read", hint="Add table=NAME beside map=..."
        )
    scheme = urlsplit(str.__str__(url)).scheme
    if scheme == "sqlite":
        rows = _sqlite_rows(url, table, columns)
    elif is_sql(scheme):
        rows = _sql_rows(url, table, columns)
    else:
        raise ConfigError(
            f"map= is for tables of SQL databases, not for {scheme or 'this'}",
            hint="Use sqlite:///, mysql:// or postgresql://.",
        )
    shown = hide_password(url)
    found = (found_in_row(row, shown, table, known, now) for row in rows)
    return [one for one in found if one]


def _parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(str.__str__(url).partition("?")[2], keep_blank_values=True))


def _columns(text: str) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in filter(None, text.split(",")):
        field, colon, column = (part.strip() for part in pair.partition(":"))
        known = field if field in FIELDS else field_name(field)
        if not (colon and column) or known not in FIELDS:
            raise ConfigError(
                f"map={pair[:100]!r} is not FIELD:COLUMN with a field of a token",
                hint=f"Fields are: {', '.join(FIELDS)}.",
            )
        columns[known] = column
    if "refresh_token" not in columns:
        raise ConfigError(
            "map= names no column with the refresh token", hint="Add refresh_token:COLUMN."
        )
    return columns


def _sqlite_rows(url: str, table: str, columns: dict[str, str]) -> Iterator[dict[str, Any]]:
    path = unquote(str.__str__(url).partition("?")[0].removeprefix("sqlite:///"))
    selected = ", ".join(map(quote_name, columns.values()))
    statement = f"SELECT {selected} FROM {quote_name(table)} LIMIT {MAX_ROWS}"  # noqa: S608 - quoted
    try:
        with closing(
            sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=TIMEOUT_S)
        ) as connection:
            # SQLite takes a quoted name that is no column for a text.
            _require_columns(connection, table, columns)
            rows = connection.execute(statement).fetchall()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{hide_password(url)} cannot be read: {error}") from None
    for row in rows:
        yield _record(columns, row)


def _require_columns(connection: sqlite3.Connection, table: str, columns: dict[str, str]) -> None:
    there = [row[1] for row in connection.execute(f"PRAGMA table_info({quote_name(table)})")]
    for column in columns.values():
        if column not in there:
            what = (
                f"the table {table!r} has no column {column!r}"
                if there
                else (f"there is no table {table!r}")
            )
            raise ConfigError(what, hint=f"It has: {', '.join(there)}." if there else None)


def _sql_rows(url: str, table: str, columns: dict[str, str]) -> Iterator[dict[str, Any]]:
    try:
        import sqlalchemy

        from evergrant.stores.sql.urls import parse_url
    except ImportError:
        raise MissingExtra("reading a table of a SQL database", extra="sql") from None
    database, _ = parse_url(str.__str__(url))
    engine = sqlalchemy.create_engine(
        database.difference_update_query(["map"]), hide_parameters=True
    )
    schema, _, name = table.rpartition(".")
    source = sqlalchemy.table(
        name, *(sqlalchemy.column(column) for column in columns.values()), schema=schema or None
    )
    rows: Sequence[Any] = ()
    reason = ""
    try:
        with engine.connect() as connection:
            rows = connection.execute(sqlalchemy.select(source).limit(MAX_ROWS)).all()
    except sqlalchemy.exc.SQLAlchemyError as error:
        # What the driver says, without the statement and its link to SQLAlchemy's pages.
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
    finally:
        engine.dispose()
    if reason:  # raised here, where the caught error does not travel along
        raise StoreUnavailable(f"{hide_password(url)} cannot be read: {reason}")
    for row in rows:
        yield _record(columns, row)


def _record(columns: dict[str, str], row: Any) -> dict[str, Any]:
    cells = zip(columns, row, strict=True)
    return {
        field: Secret(value)
        if isinstance(value, str)
        else value.isoformat()
        if isinstance(value, datetime)
        else value
        for field, value in cells
    }
