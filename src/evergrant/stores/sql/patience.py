"""A connection to PostgreSQL that does not wait for ever for a server that says nothing."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

from psycopg import Connection, OperationalError

__all__ = ["SILENCE", "PatientConnection"]

T = TypeVar("T")

SILENCE = 60.0
"""Seconds that an answer may take. The kernel of a frozen server, or a proxy, goes on confirming
what it is sent, so that no timeout of TCP ever comes."""


class PatientConnection(Connection[Any]):
    """Gives a server up that has not answered for so long, and closes the connection to it."""

    def wait(self, gen: Generator[Any, Any, T], *arguments: Any, **named: Any) -> T:
        """Wait for an answer, as psycopg does.

        Raises:
            OperationalError: There was none in time.
        """
        return super().wait(self._limited(gen), *arguments, **named)

    def _limited(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        give_up = time.monotonic() + SILENCE
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    give_up = time.monotonic() + SILENCE
                elif time.monotonic() > give_up:
                    self.close()
                    raise OperationalError("the server has not answered in time")
                wanted = gen.send(ready)
        except StopIteration as done:
            answer: T = done.value
            return answer
