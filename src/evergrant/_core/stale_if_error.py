"""Stale-if-error: while the store does not answer, the last known tokens are served."""

from __future__ import annotations

import time
from collections.abc import Hashable
from datetime import timedelta

from evergrant._core.backoff import Backoff
from evergrant._core.token_cache import TokenCache
from evergrant._fork import ProcessLock
from evergrant.clock import Clock
from evergrant.errors import StoreUnavailable
from evergrant.events import Listener, StoreFailed, StoreRecovered
from evergrant.token import Token, identify

__all__ = ["StaleIfError"]

RETRY_S = 1.0
"""Seconds after which a store that did not answer is asked again, by one caller."""

PROBE_S = 30.0
"""Seconds that this one may take: a host that is gone does not even refuse."""


class StaleIfError:
    """Whether the store answers, and what is served while it does not; shared by threads.

    Attributes:
        retry_at: When the store is asked again (monotonic seconds), or None while it answers.
    """

    def __init__(self, cache: TokenCache, backoff: Backoff, clock: Clock, emit: Listener) -> None:
        self._cache = cache
        self._backoff = backoff
        self._clock = clock
        self._emit = emit
        self._lock = ProcessLock()
        self.retry_at: float | None = None
        self._tell_at = 0.0

    def stale(self, key: Hashable, min_ttl: timedelta) -> Token | None:
        """Return the last known token if it is still valid, whatever the store would say."""
        known = self._cache.get_stale(key)
        if known is None or self._backoff.dead(known.token):
            return None
        return known.token if known.validity.covers(self._clock(), min_ttl) else None

    def claim_retry(self) -> bool:
        """Return True if this caller is the one that finds out whether the store is back."""
        with self._lock.get():
            now = time.monotonic()
            if self.retry_at is None or now < self.retry_at:
                return False
            self.retry_at = now + PROBE_S  # the others do not wait for it
            return True

    def serve_or_raise(self, error: StoreUnavailable, key: Hashable, min_ttl: timedelta) -> Token:
        """Return the last known token in spite of an error of the store.

        Raises:
            OAuthError: There is one, and Zoho has ended its grant.
            StoreUnavailable: There is none that is valid.
        """
        known = self.stale(key, min_ttl)
        self.retry_at = time.monotonic() + RETRY_S
        if known is None:
            seen = self._cache.get_stale(key)
            raise (seen and self._backoff.dead(seen.token)) or error
        with self._lock.get():  # many may find out at the same moment, and one tells
            now = time.monotonic()
            is_told = now < self._tell_at
            self._tell_at = self._tell_at if is_told else now + RETRY_S
        if not is_told:
            self._emit(StoreFailed(at=self._clock(), error=error, **identify(known)))
        return known

    def end_probe(self) -> None:
        """Let another caller ask at once: this one failed for a reason of its own."""
        with self._lock.get():  # another may have found out that the store is back
            self.retry_at = self.retry_at and time.monotonic()

    def record_recovery(self) -> None:
        """Note that the store has answered, and tell listeners if it had not before."""
        if self.retry_at is None:
            return
        with self._lock.get():
            is_told = self.retry_at is None
            self.retry_at, self._tell_at = None, 0.0
        if not is_told:
            self._emit(StoreRecovered(at=self._clock()))
