"""Connections to Redis that register with the socket watchdog."""

from __future__ import annotations

from functools import cache
from typing import Any

from redis import Connection, ConnectionPool, Redis

from evergrant._fork import Sockets
from evergrant._network.socket_watchdog import belongs_to_exchange

__all__ = ["WatchedPool", "watched"]


_sockets = Sockets(lambda one: int(one._sock.fileno()))  # noqa: SLF001 - the client shows none


def watched(client: Redis) -> Redis:
    """Make a client's connections shut down when an exchange takes too long."""
    pool = client.connection_pool
    pool.connection_class = _told(pool.connection_class)
    return client


class WatchedPool(ConnectionPool):
    """Connections that are shut down when an exchange takes too long."""

    def __init__(self, connection_class: Any = Connection, **named: Any) -> None:
        super().__init__(connection_class=_told(connection_class), **named)


@cache
def _told(kind: Any) -> Any:
    class Told(kind):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            _sockets.add(self)

        def send_packed_command(self, *arguments: Any, **named: Any) -> Any:
            belongs_to_exchange(self._sock)
            return super().send_packed_command(*arguments, **named)

        def read_response(self, *arguments: Any, **named: Any) -> Any:
            belongs_to_exchange(self._sock)
            return super().read_response(*arguments, **named)

    return Told
