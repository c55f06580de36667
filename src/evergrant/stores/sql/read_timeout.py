"""A connection to PostgreSQL that does not wait for ever for a server that says nothing."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import Connection, Error, OperationalError, capabilities

__all__ = ["READ_TIMEOUT", "ReadTimeoutConnection"]

T = TypeVar("T")

READ_TIMEOUT = 60.0
"""Seconds that an answer may take. The kernel of a frozen server, or a proxy, goes on confirming
what it is sent, so that no timeout of TCP ever comes."""


GRACE = 1.0
"""Seconds that a server gets to break off a statement as it was asked to."""


class ReadTimeoutConnection(Connection[Any]):
    """Breaks off what has had no answer for so long; if even that is not answered, it closes.

    Attributes:
        patience: Seconds that an answer may take. It is the connection's own: a server that was
            told its limits would apply them to the next client of a pooler too.
    """

    patience: float = READ_TIMEOUT

    def wait(self, gen: Generator[Any, Any, T], *arguments: Any, **named: Any) -> T:
        """Wait for an answer, as psycopg does.

        Raises:
            OperationalError: There was none in time.
        """
        return super().wait(self._limited(gen), *arguments, **named)

    def _limited(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        limit = min(self.patience, READ_TIMEOUT)
        give_up = time.monotonic() + limit
        told = False
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if time.monotonic() > give_up:  # even if a part has come: the next may not
                    if told or not self._broken_off():
                        self.close()
                        raise OperationalError("the server has not answered in time")
                    told, give_up = True, time.monotonic() + GRACE
                wanted = gen.send(ready)
        except StopIteration as done:
            answer: T = done.value
            return answer

    def _broken_off(self) -> bool:
        """Ask the server to break off what it does; say whether it has heard that."""
        if not capabilities.has_cancel_safe():  # an older libpq would wait for ever for this too
            return False
        try:
            self.cancel_safe(timeout=GRACE)
        except Error:
            return False
        return True
