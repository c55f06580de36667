"""Makes a database a token store: the official table, extended, and three tables of evergrant's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Connection,
    Dialect,
    ExecutableDDLElement,
    Index,
    Inspector,
    MetaData,
    String,
    Table,
    Text,
    inspect,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import StoreError, StoreMissing
from evergrant.stores.rows import COLUMNS, TIMESTAMP_COLUMNS
from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.layout import Layout
from evergrant.stores.sql.reflection import ignores_case, index_expression, is_narrow
from evergrant.stores.sql.statements import lower_case
from evergrant.stores.tables import (
    COUNTER_TABLE,
    LEASE_TABLE,
    NOTE_TABLE,
    not_a_token_table,
    validate_layout,
)

__all__ = ["prepare"]

_logger = RateLimitedLog()

ID_WIDTH = 64
"""Width of ids in new tables, since a tenant's key may be a UUID; official tables have 10."""

LOOKED_UP = ("user_name", "access_token", "refresh_token", "grant_token")
INDEXED = 100
"""Indexed characters of a value: a whole token, and within the limits of every MySQL version."""


INNODB: dict[str, Any] = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB"}
"""MySQL's engine with transactions and row locks."""


class _Wanted:
    """The tables as evergrant creates them."""

    def __init__(self, table: str, dialect: Dialect) -> None:
        naming: Any = {
            "ix": "evergrant_%(table_name)s_%(of)s",
            "of": lambda index, _: index.info["of"],
        }
        metadata = MetaData(naming_convention=naming)
        self._dialect = dialect
        texts = _texts(dialect)

        def column(name: str, width: int | None, **options: Any) -> Column[Any]:
            return Column(name, texts(width), **options)

        widths = dict.fromkeys(TIMESTAMP_COLUMNS, 20) | {"id": ID_WIDTH, "scopes": None}
        self.tokens = Table(
            table,
            metadata,
            *(
                Column(name, BigInteger())
                if name == "version"
                else Column(name, _name_text(dialect))
                if name == "user_name"
                else column(name, widths.get(name, 255), primary_key=name == "id")
                for name in COLUMNS
            ),
            **INNODB,
        )
        self.counters = Table(
            COUNTER_TABLE,
            metadata,
            column("token_table", 64, primary_key=True),
            Column("last", BigInteger, nullable=False),
            **INNODB,
        )
        self.leases = Table(
            LEASE_TABLE,
            metadata,
            column("token_table", 64, primary_key=True),
            column("id", 255, primary_key=True),
            column("owner", 64, nullable=False),
            Column("since", BigInteger, nullable=False),
            Column("until", BigInteger, nullable=False),
            **INNODB,
        )
        self.notes = Table(
            NOTE_TABLE,
            metadata,
            column("token_table", 64, primary_key=True),
            column("key", 64, primary_key=True),
            column("text", 2_000, nullable=False),
            Column("until", BigInteger, nullable=False),
            **INNODB,
        )

    def index(self, name: str) -> Index:
        """Return the index on a column of the table of tokens."""
        column = self.tokens.c[name]
        if name == "user_name" and self._dialect.name == "postgresql":
            return Index(None, lower_case(column, self._dialect), info={"of": "person"})
        prefix = {name: INDEXED}
        return Index(None, column, mysql_length=prefix, mariadb_length=prefix, info={"of": name})


def _name_text(dialect: Dialect) -> TypeEngine[str]:
    """Return the type of user names, which MySQL's index finds in any case."""
    if dialect.name == "postgresql":
        return String(255)
    if getattr(dialect, "is_mariadb", False):
        collation = "utf8mb4_general_nopad_ci"
    elif (dialect.server_version_info or ()) >= (8, 0, 17):
        collation = "utf8mb4_0900_as_ci"
    else:
        collation = "utf8mb4_general_ci"
    return mysql.VARCHAR(255, charset="utf8mb4", collation=collation)


def _texts(dialect: Dialect) -> Any:
    if dialect.name == "postgresql":
        return lambda width: Text() if width is None else String(width)
    version = dialect.server_version_info or ()
    if getattr(dialect, "is_mariadb", False):
        collation = "utf8mb4_nopad_bin"
    elif version >= (8, 0, 17):
        collation = "utf8mb4_0900_bin"
    else:
        collation = "utf8mb4_bin"

    def typed(width: int | None) -> TypeEngine[str]:
        exactly: dict[str, Any] = {"charset": "utf8mb4", "collation": collation}
        return mysql.TEXT(**exactly) if width is None else mysql.VARCHAR(width, **exactly)

    return typed


def prepare(connections: Connections, table: str, *, read_only: bool) -> Layout:
    """Create or extend the tables if the account may; return what exists then.

    A complete database is not written to.

    Args:
        read_only: Create and extend nothing.

    Raises:
        StoreMissing: The table does not exist and is not to be created.
        StoreUnavailable: The table is no table of tokens (nothing was changed), or it does not
            exist and cannot be created.
    """
    # After connecting, since the dialect then knows which server it is.
    wanted = connections.core(lambda connection: _Wanted(table, connection.dialect))
    if read_only:
        return connections.core(lambda connection: _found(connection, wanted))
    before, was_complete = 0, True
    refused: StoreError | None = None
    while todo := connections.core(lambda connection: list(_missing(connection, wanted))):
        if len(todo) == before:
            break  # neither we nor another process got any further
        before = len(todo)
        if any(
            isinstance(one, DDL) or getattr(one, "element", None) is wanted.tokens for one in todo
        ):
            was_complete = False
        refused = _do(connections, todo)
    layout = connections.core(lambda connection: _found(connection, wanted, refused))
    if not (layout.is_complete and layout.has_own_tables):
        _logger.warning(
            "the table %s is used with the rights that the account has: evergrant's own columns or "
            "tables are missing (%s)",
            table,
            refused,
        )
    return replace(layout, was_complete=was_complete)


def _do(connections: Connections, todo: list[ExecutableDDLElement]) -> StoreError | None:
    """Run all statements that the account may run; return the first refusal."""
    refused = None
    for statement in todo:
        try:
            connections.core(lambda connection, do=statement: connection.execute(do))  # type: ignore[misc]
        except StoreError as error:
            if error.retryable:
                raise
            # Another process may have been faster; the next look at the database will tell.
            refused = refused or error
    return refused


def _missing(connection: Connection, wanted: _Wanted) -> Iterator[ExecutableDDLElement]:
    """Yield the statements that make the database complete."""
    inspector = inspect(connection)
    dialect = connection.dialect
    table = wanted.tokens
    by_index = set()
    if inspector.has_table(table.name):
        present = _columns(inspector, table.name)
        place = dialect.identifier_preparer.format_table(table)
        for column in table.columns:
            if column.name not in present:
                what = str(CreateColumn(column).compile(dialect=dialect))
                yield _ddl(f"ALTER TABLE {place} ADD COLUMN {what}")
        if is_narrow(present.get("version")):
            change = (
                "ALTER COLUMN version TYPE" if dialect.name == "postgresql" else "MODIFY version"
            )
            yield _ddl(f"ALTER TABLE {place} {change} BIGINT")
        for index in inspector.get_indexes(table.name):
            by_index.add(index_expression(index, dialect))
    else:
        yield CreateTable(table)
    yield from (CreateIndex(wanted.index(name)) for name in LOOKED_UP if name not in by_index)
    # Not queried by name: an account without rights on them may not, even if they do not exist.
    there = inspector.get_table_names()
    for own in (wanted.counters, wanted.leases, wanted.notes):
        if own.name not in there:
            yield CreateTable(own)


def _ddl(statement: str) -> DDL:
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]


def _columns(inspector: Inspector, table: str) -> dict[str, ReflectedColumn]:
    """Return a table's columns by their names in lower case.

    Raises:
        StoreUnavailable: They are not the columns of a table of tokens.
    """
    columns = {column["name"].lower(): column for column in inspector.get_columns(table)}
    key = inspector.get_pk_constraint(table)["constrained_columns"]
    validate_layout(table, columns, [name.lower() for name in key], "database")
    if not isinstance(columns["id"]["type"], String):
        raise not_a_token_table(table, "its id is not text", "database")
    return columns


def _found(connection: Connection, wanted: _Wanted, refused: StoreError | None = None) -> Layout:
    inspector = inspect(connection)
    table = wanted.tokens.name
    if not inspector.has_table(table):
        raise refused or StoreMissing(f"there is no table {table} in the database")
    columns = _columns(inspector, table)
    known = {name: column for name, column in columns.items() if name in COLUMNS}
    if is_narrow(known.get("version")):
        del known["version"]
    # In our order; the table's own order may differ, but rows are written and read by name.
    tokens = Table(
        table,
        MetaData(),
        *(
            Column(known[name]["name"], known[name]["type"], key=name)
            for name in COLUMNS
            if name in known
        ),
    )
    widths = {
        name: length
        for name, column in known.items()
        if (length := getattr(column["type"], "length", None))
    }
    there = inspector.get_table_names()
    return Layout(
        database=str(connection.engine.url.database),
        tokens=tokens,
        widths=widths,
        holds_nul=connection.dialect.name != "postgresql",
        ignores_case=ignores_case(connection, table),
        counters=wanted.counters,
        leases=wanted.leases,
        notes=wanted.notes,
        has_counters=COUNTER_TABLE in there,
        has_leases=LEASE_TABLE in there,
        has_notes=NOTE_TABLE in there,
    )
