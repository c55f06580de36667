"""The database server's clock, which is the same for all clients, whose own clocks differ."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, cast, literal_column, select

from evergrant.clock import from_epoch_ms
from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.statements import Values, compile_statement

__all__ = ["DAY", "server_now", "server_time"]

DAY: ColumnElement[int] = literal_column("86400000")


def server_now(connections: Connections) -> ColumnElement[int]:
    """Return the server's present time as an expression, in epoch milliseconds."""
    return cast(
        literal_column(
            # Independent of the session's time zone.
            "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000"
            if connections.is_mysql
            else "EXTRACT(EPOCH FROM clock_timestamp()) * 1000"
        ),
        BigInteger,
    )


def server_time(connections: Connections) -> datetime:
    """Ask the server for its time.

    Raises:
        StoreUnavailable: The server does not answer.
    """
    now = compile_statement(select(server_now(connections)), connections.dialect)
    return from_epoch_ms(int(connections.run(now, Values()).rows[0][0]))
