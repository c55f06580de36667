"""Base for storages that can only find by key: a row is listed under all keys it is found by."""

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
"""How often a change is tried when other writers are faster."""


class WriteConflict(StoreUnavailable):
    """Another writer changed the same thing; the change can be tried again."""


def retry_on_conflict(change: Callable[[], T]) -> T:
    """Make a change; try again after a growing pause if another writer was faster."""
    for attempt in range(ATTEMPTS - 1):
        with suppress(WriteConflict):
            return change()
        # Random, so that two writers do not meet again and again.
        time.sleep(random.random() * min(0.002 * 2**attempt, 0.1))  # noqa: S311 - no secret
    return change()


def is_unreadable(row: Row) -> bool:
    """Return True if nothing of a row but its id could be read; it then fits any look-up."""
    return not any(row[1:])


def lookup_key(column: str, value: str) -> str:
    """Return the key of a lookup, a digest, since the value may be a token."""
    return hashlib.sha256(f"{column}\0{value}".encode(errors="surrogatepass")).hexdigest()[:40]


def read_only_error(store: str) -> StoreUnavailable:
    """Return the error to raise when a store that was opened read-only is to be changed."""
    return StoreUnavailable(
        f"{store} was opened read-only", hint="Open it to write.", retryable=False
    )


class OptimisticStore(TokenStore):
    """A store with optimistic concurrency: a write fails if a row read for it has changed since.

    A back end finds rows by id and by lookup, and records in ``_seen()`` what it found.
    """

    def __init__(self, *, clock: Clock = utc_now) -> None:
        super().__init__(clock=clock)
        self._here = threading.local()

    def _seen(self) -> dict[str, Any] | None:
        """Return what was looked up in this thread's transaction, or None outside of one."""
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
        """Return the rows of a lookup; in a transaction, record them in ``_seen()``."""
