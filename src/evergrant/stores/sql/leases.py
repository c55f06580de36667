"""Leases in a SQL database: who may refresh which token, by the server's clock."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sqlalchemy import (
    BigInteger,
    Delete,
    Select,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)

from evergrant.stores.leases import is_active
from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.errors import SerializationFailure
from evergrant.stores.sql.notifications import CHANNEL
from evergrant.stores.sql.server_clock import DAY, server_now
from evergrant.stores.sql.statements import Values, compile_statement, insert_unless_taken

__all__ = ["Leases"]


class Leases:
    """The leases on the tokens of one table.

    Args:
        table: evergrant's own table of leases.
        key: The name of the table of tokens in it.
    """

    def __init__(self, connections: Connections, table: Table, key: str) -> None:
        self._connections = connections
        self._key = key
        dialect = connections.dialect
        now = server_now(connections)
        columns = table.c
        row: dict[str, Any] = {"token_table": bindparam("key"), "id": bindparam("of_id")}
        mine: dict[str, Any] = {
            "owner": bindparam("new_owner"),
            "since": now,
            "until": now + bindparam("ttl", type_=BigInteger),
        }
        of_table = columns.token_table == bindparam("key")
        of_token = columns.id == bindparam("of_id")
        held = (of_table, of_token, columns.owner == bindparam("holder"))
        since = columns.since == bindparam("held_since", type_=BigInteger)
        self._grant = compile_statement(
            insert_unless_taken(table, dialect).values(row | mine), dialect
        )
        self._find = compile_statement(
            select(columns.owner, columns.since, columns.until, now).where(of_table, of_token),
            dialect,
        )
        self._take_over = compile_statement(update(table).where(*held, since).values(mine), dialect)
        end = delete(table).where(*held)
        tells = dialect.name == "postgresql"
        self._end = compile_statement(_telling(end, table) if tells else end, dialect)
        self._end_all = compile_statement(delete(table).where(of_table), dialect)
        self._end_old = compile_statement(
            delete(table).where(of_table, columns.until < now - DAY), dialect
        )

    def acquire(self, id_: str, owner: str, ttl: float) -> bool:
        """Record ``owner`` as the holder for ``ttl`` seconds, unless another's lease is active."""
        mine = Values(key=self._key, of_id=id_, new_owner=owner, ttl=int(ttl * 1000))
        with suppress(SerializationFailure):
            if self._connections.add(self._grant, mine):
                return True
            for holder, since, until, now in self._connections.run(self._find, mine).rows:
                if holder == owner or not is_active(since, until, now):
                    theirs = Values(mine | {"holder": holder, "held_since": since})
                    return self._connections.run(self._take_over, theirs).changed > 0
        return False

    def release(self, id_: str, owner: str) -> None:
        """Delete the lease if ``owner`` holds it."""
        self._connections.run(self._end, Values(key=self._key, of_id=id_, holder=owner))

    def remove_all(self) -> None:
        """Delete every lease on the table's tokens."""
        self._connections.run(self._end_all, Values(key=self._key))

    def remove_expired(self) -> None:
        """Delete the leases of holders that died."""
        self._connections.run(self._end_old, Values(key=self._key))


def _telling(end: Delete, table: Table) -> Select[Any]:
    """Return the statement that ends a lease and notifies listeners, in one round trip."""
    ended = end.returning(table.c.token_table, table.c.id).cte("ended")
    name = ended.c.token_table + literal_column("' '") + ended.c.id
    return select(func.pg_notify(literal_column(f"'{CHANNEL}'"), name)).select_from(ended)
