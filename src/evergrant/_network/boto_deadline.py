"""One deadline for each answer of a service of Amazon's, however slowly it arrives."""

from __future__ import annotations

from http.client import IncompleteRead
from typing import Any

from evergrant._network.socket_watchdog import Exchange, belongs_to_exchange

__all__ = ["limit_responses"]


def limit_responses(client: Any, seconds: float) -> None:
    """Limit each request of a boto3 client, with its answer, to a number of seconds.

    The client tries some again, as after a connection that is lost. An answer that breaks off is
    none, wherever it does.
    """
    # By the names they are kept under: boto3 has no hook around what is sent and read.
    session = client._endpoint.http_session  # noqa: SLF001 - no public one
    send = session.send

    def send_in_time(request: Any) -> Any:
        with Exchange(seconds):
            return send(request)

    session.send = send_in_time
    pools = session._pool_classes_by_scheme  # noqa: SLF001 - no public one
    for scheme, pool in list(pools.items()):
        pools[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": _told(pool.ConnectionCls)})


def _told(kind: Any) -> Any:
    class Connection(kind):  # type: ignore[misc]
        def _tunnel(self) -> None:
            belongs_to_exchange(self.sock)  # a proxy may answer slowly, too
            super()._tunnel()

        def getresponse(self, *arguments: Any, **named: Any) -> Any:
            belongs_to_exchange(self.sock)
            response = super().getresponse(*arguments, **named)
            # What breaks off among the headers is a whole answer to Python, with nothing in it:
            # a look-up would find no token.
            if not {"content-length", "transfer-encoding"} & {*map(str.lower, response.headers)}:
                response.close()
                raise IncompleteRead(b"")
            return response

    return Connection
