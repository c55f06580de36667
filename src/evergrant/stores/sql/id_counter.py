"""New ids: from a counter if the account may keep one, else guessed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.errors import locked_error
from evergrant.stores.sql.statements import Guard, Statements, Values
from evergrant.stores.versions import random_first_version

__all__ = ["CountedIds", "GuessedIds"]

ID_GAP = 1_000
"""Without a counter, the next id is up to this far above the largest one, so that the id of a row
that was just deleted is hardly ever given again."""


class GuessedIds:
    """Ids for a table for which evergrant cannot keep a counter.

    Args:
        guard: Keeps other writers out during a transaction.
        store: The store's URL, for messages.
    """

    def __init__(
        self, connections: Connections, sql: Statements, guard: Guard, *, store: str
    ) -> None:
        self.guard = guard
        self._connections = connections
        self._sql = sql
        self._store = store

    def load_guard_result(self, rows: list[tuple[Any, ...]]) -> None:
        """Read the result of the guard's statement.

        Raises:
            StoreUnavailable: The guard was not acquired in time.
        """
        if rows == [(0,)]:  # MySQL's result after a timeout
            raise locked_error(self._store)

    def next(self, is_taken: Callable[[str], bool]) -> int:
        """Return a number above every numeric id, and above most ids that ever existed.

        Args:
            is_taken: Returns True if there is a row with this id.
        """
        del is_taken  # the number is above all ids
        return self._largest() + 1 + secrets.randbelow(ID_GAP)

    def reserve(self, number: int) -> None:
        """Do not give this number as an id again, if that can be remembered."""

    def reserve_all(self) -> None:
        """Do not give any id in the table again."""
        self.reserve(self._largest())

    def _largest(self) -> int:
        [(largest,)] = self._connections.run(self._sql.select_largest).rows
        return int(largest or 0)


class CountedIds(GuessedIds):
    """Ids from a counter, whose row lets one writer in at a time.

    Args:
        key: The name of the table of tokens in evergrant's own tables.
        store: The store's URL, for messages.
        was_counted: The ids of this table had a counter before, so that a missing one was lost.
    """

    def __init__(
        self,
        connections: Connections,
        sql: Statements,
        key: str,
        *,
        store: str,
        was_counted: bool = False,
    ) -> None:
        super().__init__(connections, sql, sql.counter_guard, store=store)
        self._was_counted = was_counted
        self._key = key
        self._last = 0

    def start(self) -> None:
        """Start the counter at the largest number in the table, unless it was started before."""
        if not self._connections.run(self.guard.enter, Values(key=self._key)).rows:
            self._start(random_first_version() if self._was_counted else 0)

    def _start(self, least: int) -> None:
        start = Values(key=self._key, number=max(self._largest(), least))
        self._connections.add(self._sql.start_count, start)

    def load_guard_result(self, rows: list[tuple[Any, ...]]) -> None:
        """Read the last number from the result of the guard's statement; see `GuessedIds`."""
        if not rows:  # another program has deleted the counter
            self._start(random_first_version())
            rows = self._connections.run(self.guard.enter, Values(key=self._key)).rows
        [(last,)] = rows
        self._last = int(last)

    def next(self, is_taken: Callable[[str], bool]) -> int:
        """Return a number above every numeric id that ever existed; see `GuessedIds`."""
        if is_taken(str(self._last + 1)):
            # Another program has given ids itself.
            self.reserve_all()
        self.reserve(self._last + 1)
        return self._last

    def reserve(self, number: int) -> None:
        """Do not give this number as an id again."""
        if number > self._last:
            self._connections.run(self._sql.set_count, Values(key=self._key, number=number))
            self._last = number
