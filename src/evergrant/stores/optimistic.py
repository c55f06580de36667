"""Rows in a storage that finds by keys only: each stands under a key for all it is found by."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from evergrant.clock import Clock, utc_now
from evergrant.errors import StoreUnavailable
from evergrant.stores.base import TokenStore
from evergrant.stores.matching import Criterion, fits
from evergrant.stores.row_index import USER_PREFIX, index_key
from evergrant.stores.rows import Row

__all__ = [
    "OptimisticStore",
    "WriteConflict",
    "is_unreadable",
    "lookup_key",
    "read_only_error",
    "retry_on_conflict",
]

T = TypeVar("T")

ATTEMPTS = 50
"""How often a change is begun anew when somebody else was faster."""


class WriteConflict(StoreUnavailable):
    """Somebody else changed the same thing; the change can be begun again."""


def retry_on_conflict(change: Callable[[], T]) -> T:
    """Make a change; one that another's came before, again, after a pause that grows."""
    for attempt in range(ATTEMPTS - 1):
        with suppress(WriteConflict):
            return change()
        # By chance: those who met once must not meet again and again.
        time.sleep(random.random() * min(0.002 * 2**attempt, 0.1))  # noqa: S311 - no secret
    return change()


def is_unreadable(row: Row) -> bool:
    """Return True if nothing of a row could be read: it counts as what it was found by."""
    return not any(row[1:])


def lookup_key(column: str, value: str) -> str:
    """Return the name of a lookup; it may be of a token, and does not show it."""
    return hashlib.sha256(f"{column}\0{value}".encode(errors="surrogatepass")).hexdigest()[:40]


def read_only_error(store: str) -> StoreUnavailable:
    """Return the error to raise where a store that was opened to read is to be changed."""
    return StoreUnavailable(
        f"{store} is read-only: it was opened so", hint="Open it to write.", retryable=False
    )


class OptimisticStore(TokenStore):
    """A store whose changes are made only if all that was looked up for them still holds.

    A back end finds rows by an id and by a lookup, and notes in ``_seen()`` what it found.
    """

    def __init__(self, *, clock: Clock = utc_now) -> None:
        super().__init__(clock=clock)
        self._here = threading.local()

    def _seen(self) -> dict[str, Any] | None:
        """Return what was looked up in this thread's transaction; None: there is none."""
        seen: dict[str, Any] | None = getattr(self._here, "seen", None)
        return seen

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._here.seen = {}
        try:
            yield
        finally:
            self._here.seen = None

    @contextmanager
    def _volatile_transaction(self) -> Iterator[None]:
        yield

    def _with_retries(self, change: Callable[[], T]) -> T:
        """Make a change; one that another's came before, again."""
        return retry_on_conflict(change)

    def _select(self, criterion: Criterion) -> list[Row]:
        if "id" in criterion:
            return self._by_id(criterion["id"])
        rows = self._looked_up(*index_key(*next(iter(criterion.items()))))
        return [row for row in rows if is_unreadable(row) or fits(row, criterion)]

    def _select_by_user(self, name: str) -> list[Row]:
        return self._looked_up(*index_key(USER_PREFIX, name))

    @abstractmethod
    def _by_id(self, id_: str) -> list[Row]:
        """Return the row with this id, if there is one."""

    @abstractmethod
    def _looked_up(self, column: str, value: str) -> list[Row]:
        """Return the rows of a lookup, and note them if a transaction is under way."""
