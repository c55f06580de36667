"""A connection to MySQL whose every statement has one deadline, however slowly its answer comes."""

from __future__ import annotations

from typing import Any

from pymysql import Connection

from evergrant._network.socket_watchdog import Exchange, belongs_to_exchange

__all__ = ["DeadlineConnection"]


class DeadlineConnection(Connection):  # type: ignore[misc]
    """Ends the opening of a connection, and each statement, after the timeout for reading.

    Of psycopg, the timeout for opening is for all of it; see `patience` for the rest.
    """

    def connect(self, sock: Any = None) -> None:
        """Open the connection, as PyMySQL does."""
        with Exchange(self.connect_timeout or self._read_timeout):
            super().connect(sock)

    def query(self, sql: Any, unbuffered: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyMySQL's
        """Send a statement and read its answer, as PyMySQL does."""
        with Exchange(self._read_timeout):
            return super().query(sql, unbuffered)

    def _read_bytes(self, num_bytes: int) -> Any:
        belongs_to_exchange(self._sock)
        return super()._read_bytes(num_bytes)
