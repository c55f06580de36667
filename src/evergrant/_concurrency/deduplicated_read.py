"""Bounded, de-duplicated reads: a caller never waits longer than `TIMEOUT_S` for one that hangs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from evergrant._concurrency.single_flight import SingleFlight, StillRunningError
from evergrant._masking import raise_without_context
from evergrant.errors import StoreUnavailable

__all__ = ["TIMEOUT_S", "DeduplicatedRead"]

T = TypeVar("T")

TIMEOUT_S = 1.0
"""How long a read may take. Its outcome is shared for no longer than that, because what another
host removes must not be handed out for more than a second."""

MAX_PENDING = 100
"""Reads under way at a time; a store that leaves more unanswered does not answer."""


class DeduplicatedRead:
    """Reads in a thread, once for all callers that read the same; safe to share between threads."""

    def __init__(self) -> None:
        self._reads: SingleFlight[Any] = SingleFlight()

    def run(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return what ``read`` returns, or what one under way with this key does.

        Raises:
            StoreUnavailable: It takes too long; it goes on.
        """
        try:
            found: T = self._reads.do_in_thread(key, read, TIMEOUT_S, MAX_PENDING)
        except StillRunningError:
            raise_without_context(
                StoreUnavailable(f"the store has not answered for {TIMEOUT_S:g} s")
            )
        return found
