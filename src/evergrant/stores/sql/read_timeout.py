"""A connection to PostgreSQL that does not wait forever for a silent server."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import Connection, Error, OperationalError, capabilities

__all__ = ["READ_TIMEOUT_S", "ReadTimeoutConnection"]

T = TypeVar("T")

READ_TIMEOUT_S = 60.0
"""Seconds that a result may take. The kernel of a frozen server, or a proxy, keeps acknowledging
packets, so that no TCP timeout ever occurs."""


GRACE_S = 1.0
"""Seconds that a server gets to cancel a statement."""


class ReadTimeoutConnection(Connection[Any]):
    """Cancels a statement after a timeout; closes if the server does not even answer that.

    Attributes:
        patience: Seconds that a result may take. This is kept in the client: a limit set on the
            server would also apply to the next client of a pooler.
    """

    patience: float = READ_TIMEOUT_S

    def wait(self, gen: Generator[Any, Any, T], *arguments: Any, **named: Any) -> T:
        """Wait for a result, as psycopg does.

        Raises:
            OperationalError: No result came in time.
        """
        return super().wait(self._limited(gen), *arguments, **named)

    def _limited(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        limit = min(self.patience, READ_TIMEOUT_S)
        give_up = time.monotonic() + limit
        told = False
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if time.monotonic() > give_up:  # even after a part has come: the rest may not
                    if told or not self._broken_off():
                        self.close()
                        raise OperationalError("the server has not answered in time")
                    told, give_up = True, time.monotonic() + GRACE_S
                wanted = gen.send(ready)
        except StopIteration as done:
            answer: T = done.value
            return answer

    def _broken_off(self) -> bool:
        """Ask the server to cancel the statement; return True if it got the request."""
        if not capabilities.has_cancel_safe():  # an older libpq would wait forever for this too
            return False
        try:
            self.cancel_safe(timeout=GRACE_S)
        except Error:
            return False
        return True
