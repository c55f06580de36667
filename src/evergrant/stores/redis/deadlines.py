"""Connections to Redis that tell the watchdog of themselves."""

from __future__ import annotations

from functools import cache
from typing import Any

from redis import RedisCluster

from evergrant.watchdog import uses

__all__ = ["watched"]


def watched(client: Any) -> Any:
    """Return a client whose connections are shut when an exchange over them takes too long."""
    if not isinstance(client, RedisCluster):
        pool = client.connection_pool
        pool.connection_class = _told(pool.connection_class)
        return client
    cluster: Any = client
    nodes = cluster.nodes_manager
    make = nodes.create_redis_node

    def make_watched(*arguments: Any, **named: Any) -> Any:
        return watched(make(*arguments, **named))

    nodes.create_redis_node = make_watched
    for node in cluster.get_nodes():
        if node.redis_connection is not None:
            # What is connected already was so in time, and is met again by its next owner.
            watched(node.redis_connection).connection_pool.reset()
    return client


@cache
def _told(kind: Any) -> Any:
    class Connection(kind):  # type: ignore[misc]
        def send_packed_command(self, *arguments: Any, **named: Any) -> Any:
            uses(self._sock)
            return super().send_packed_command(*arguments, **named)

        def read_response(self, *arguments: Any, **named: Any) -> Any:
            uses(self._sock)
            return super().read_response(*arguments, **named)

    return Connection
