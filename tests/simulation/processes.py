"""Several processes on one store, each with a Keeper of its own, that come and go."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from evergrant import Accounts, Keeper, TokenStore
from evergrant.errors import StoreUnavailable
from tests.support.keeper.idle import until_idle

__all__ = ["Fleet"]

SIZE = 4
"""Processes."""

TOGETHER = 5
"""Each so manieth round is one of all processes at the same moment."""


class Fleet:
    """Keepers that share a store and Zoho's accounts server.

    Args:
        open_store: Opens the store, as each process does.
        boat: The folder of the lifeboat.
    """

    def __init__(
        self,
        open_store: Callable[[], TokenStore],
        accounts: Accounts,
        boat: Path,
        random: Random,
    ) -> None:
        self._open_store = open_store
        self._accounts = accounts
        self._boat = boat
        self._random = random
        self._workers = [self._new() for _ in range(SIZE)]
        self._turn = 0
        self._leaving: set[int] = set()

    def _new(self) -> Keeper:
        return Keeper(self._open_store(), self._accounts, lifeboat=self._boat)

    def any(self) -> Keeper:
        """Return the Keeper of the process that a request happens to reach."""
        return self._random.choice(self._workers)

    def round(self) -> None:
        """Let the next process look for tokens that should be refreshed, and now and then all."""
        self._turn += 1
        if self._turn % TOGETHER == 0:
            at_it = set(range(SIZE))
        else:
            at_it = {self._turn % SIZE} | self._leaving
        for index in sorted(at_it):
            self._begin(self._workers[index])
        while self._leaving:
            self._replace(self._leaving.pop())

    def _begin(self, worker: Keeper) -> None:
        with suppress(StoreUnavailable):  # as a scheduler does, which then says so in the log
            worker.refresh_due()

    def restart(self) -> None:
        """End a process and start another, half of the time in the middle of its next round."""
        leaving = self._random.randrange(SIZE)
        if self._random.random() < 1 / 2:
            self._leaving.add(leaving)
        else:
            self._replace(leaving)

    def _replace(self, index: int) -> None:
        self._end(self._workers[index])
        self._workers[index] = self._new()

    def _end(self, worker: Keeper) -> None:
        worker.close()
        worker.store.close()

    def settle(self) -> None:
        """Wait until nothing goes on in the background."""
        until_idle(*(worker._manager for worker in self._workers))

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            self._end(worker)
