"""Notes in a SQL database: short texts that everyone who shares the store can read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Insert,
    Table,
    bindparam,
    delete,
    select,
)
from sqlalchemy.dialects import mysql, postgresql

from evergrant.clock import Clock, to_epoch_ms
from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.server_clock import DAY, server_now
from evergrant.stores.sql.statements import Values, compile_statement

__all__ = ["SQLNotes"]


class SQLNotes:
    """The notes that belong to one table of tokens; a caller that changes them holds the guard.

    Args:
        table: evergrant's own table of notes.
        key: The name of the table of tokens in it.
        clock: The callers' clock; notes expire by the server's clock.
    """

    def __init__(self, connections: Connections, table: Table, key: str, clock: Clock) -> None:
        self._connections = connections
        self._key = key
        self._clock = clock
        dialect = connections.dialect
        columns = table.c
        of_table = columns.token_table == bindparam("of_table")
        of_key = columns.key == bindparam("of_key")
        now = server_now(connections)
        self._find = compile_statement(select(columns.text).where(of_table, of_key), dialect)
        self._put = compile_statement(_put(table, dialect, now), dialect)
        self._end = compile_statement(delete(table).where(of_table, of_key), dialect)
        self._end_old = compile_statement(
            delete(table).where(of_table, columns.until < now - DAY), dialect
        )

    def read(self, key: str) -> str:
        """Return a note's text, or empty text if there is no such note."""
        found = self._connections.run(self._find, Values(of_table=self._key, of_key=key)).rows
        return found[0][0] if found else ""

    def put(self, key: str, text: str, until: int) -> None:
        """Keep a note's text until a moment (epoch milliseconds); empty text deletes it."""
        life = until - to_epoch_ms(self._clock())
        values = Values(of_table=self._key, of_key=key, new_text=text, life=life)
        self._connections.run(self._put if text else self._end, values)

    def remove_expired(self) -> None:
        """Delete expired notes."""
        self._connections.run(self._end_old, Values(of_table=self._key))


def _put(table: Table, dialect: Dialect, now: ColumnElement[int]) -> Insert:
    row: dict[str, Any] = {"token_table": bindparam("of_table"), "key": bindparam("of_key")}
    until = now + bindparam("life", type_=BigInteger)
    new: dict[str, Any] = {"text": bindparam("new_text"), "until": until}
    if dialect.name == "postgresql":
        return (
            postgresql.insert(table)
            .values(row | new)
            .on_conflict_do_update(index_elements=list(row), set_=new)
        )
    return mysql.insert(table).values(row | new).on_duplicate_key_update(new)
