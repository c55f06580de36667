"""The numbers that were given as ids: counted where the account may, else guessed."""

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
"""Where ids cannot be counted, the next one is up to this far beyond the largest there is: the
id of a row that was just deleted is then hardly given again."""


class GuessedIds:
    """Ids of a table beside which evergrant can keep no count.

    Args:
        guard: What keeps other writers out meanwhile.
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
        """Take what the guard brought.

        Raises:
            StoreUnavailable: It was not to be had.
        """
        if rows == [(0,)]:  # how MySQL says that it has waited long enough
            raise locked_error(self._store)

    def next(self, is_taken: Callable[[str], bool]) -> int:
        """Return a number above every numeric id there is or, as far as possible, ever was.

        Args:
            is_taken: Says whether there is a row with this id.
        """
        del is_taken  # it is beyond them all
        return self._largest() + 1 + secrets.randbelow(ID_GAP)

    def reserve(self, number: int) -> None:
        """Let a number be no id again, where that can be remembered."""

    def reserve_all(self) -> None:
        """Let no number of the table be an id again."""
        self.reserve(self._largest())

    def _largest(self) -> int:
        [(largest,)] = self._connections.run(self._sql.select_largest).rows
        return int(largest or 0)


class CountedIds(GuessedIds):
    """Ids that are counted, in a row that lets one writer in at a time.

    Args:
        key: What evergrant's own tables call the table of tokens.
        store: The store's URL, for messages.
        was_counted: The ids of this table were counted before: if there is no count, it was lost.
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
        """Begin to count after the largest number there is, unless it was begun before."""
        if not self._connections.run(self.guard.enter, Values(key=self._key)).rows:
            self._start(random_first_version() if self._was_counted else 0)

    def _start(self, least: int) -> None:
        start = Values(key=self._key, number=max(self._largest(), least))
        self._connections.add(self._sql.start_count, start)

    def load_guard_result(self, rows: list[tuple[Any, ...]]) -> None:
        """Take the last number from what the guard brought; see `Uncounted`."""
        if not rows:  # another program has deleted it
            self._start(random_first_version())
            rows = self._connections.run(self.guard.enter, Values(key=self._key)).rows
        [(last,)] = rows
        self._last = int(last)

    def next(self, is_taken: Callable[[str], bool]) -> int:
        """Return a number above every numeric id there is or ever was; see `Uncounted`."""
        if is_taken(str(self._last + 1)):
            # Another program has given ids of its own.
            self.reserve_all()
        self.reserve(self._last + 1)
        return self._last

    def reserve(self, number: int) -> None:
        """Let a number be no id again."""
        if number > self._last:
            self._connections.run(self._sql.set_count, Values(key=self._key, number=number))
            self._last = number
