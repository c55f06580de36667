"""A connection to MySQL with one deadline per statement, however slowly the result arrives."""

from __future__ import annotations

from typing import Any

from pymysql import Connection

from evergrant._network.socket_watchdog import Exchange, belongs_to_exchange

__all__ = ["DeadlineConnection"]


class DeadlineConnection(Connection):  # type: ignore[misc]
    """Limits connecting, and each statement, to the read timeout as a whole.

    (psycopg's own timeout covers all of connecting; for its statements see `read_timeout`.)
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
