"""The cache in front of the store: hits, reads on a miss, and stale tokens while it is down."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from datetime import timedelta
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from evergrant._concurrency.deduplicated_read import DeduplicatedRead
from evergrant._core.backoff import Backoff
from evergrant._core.policy_enforcer import PolicyEnforcer
from evergrant._core.stale_if_error import StaleIfError
from evergrant._core.token_cache import Entry, TokenCache
from evergrant._core.validity import NO_MINIMUM, ValidToken
from evergrant.clock import Clock
from evergrant.errors import StoreUnavailable, TokenNotFound
from evergrant.events import Listener
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["Cached", "CachedLookup", "Found"]

Found = TypeVar("Found", bound=ValidToken | None)
"""What a read returns; never None if it raises where it finds no token."""


class Cached(NamedTuple, Generic[Found]):
    """What a look-up returned.

    Attributes:
        found: The token, or None if the read found none.
        is_due: Whether something is to be done for it in the background.
    """

    found: ValidToken | Found
    is_due: bool = False


class CachedLookup:
    """Tokens by what they are asked for; safe to share between threads."""

    def __init__(
        self,
        store: TokenStore,
        enforcer: PolicyEnforcer,
        backoff: Backoff,
        clock: Clock,
        emit: Listener,
    ) -> None:
        self._store = store
        self._enforcer = enforcer
        self._backoff = backoff
        self._clock = clock
        self._cache = TokenCache()
        self._stale_if_error = StaleIfError(self._cache, backoff, clock, emit)
        self._reads = DeduplicatedRead()

    def get(
        self,
        key: Hashable,
        read: Callable[[], Found],
        *,
        min_ttl: timedelta = NO_MINIMUM,
        only_id: str | None = None,
        purpose: str = "",
    ) -> Cached[Found]:
        """Return the cached token, or what ``read`` returns.

        Args:
            read: Reads the store.
            min_ttl: How long the token must remain valid.
            only_id: Cache what was read only if it has this id; None: always.
            purpose: What is read: calls share a read under way that has the same purpose.

        Raises:
            StoreUnavailable: The store does not answer, and no cached token would do.
            EvergrantError: What ``read`` raises.
        """
        outage = self._stale_if_error
        if outage.retry_at is not None and not outage.claim_retry():
            known = outage.stale(key, min_ttl)
            if known is not None:
                return Cached(ValidToken.of(known))
        try:
            counter = self._store.change_counter()
            if outage.retry_at is None and (entry := self._cache.get(key, counter)):
                now = self._clock()
                valid = ValidToken(entry.token, entry.validity)
                if entry.validity.covers(now, min_ttl) and not self._backoff.dead(entry.token):
                    return Cached(valid, entry.validity.needs_refresh(now))
            work = partial(self._read, key, read, only_id, counter)
            if counter is not None or outage.stale(key, min_ttl) is None:
                return Cached(work())
            # The store tracks no changes, so that each call reads: none may wait for a store that
            # hangs while its token is still valid.
            return Cached(self._reads.run((key, min_ttl, purpose), work))
        except StoreUnavailable as error:
            return Cached(ValidToken.of(outage.serve_or_raise(error, key, min_ttl)))

    def _read(
        self, key: Hashable, read: Callable[[], Found], only_id: str | None, counter: int | None
    ) -> Found:
        read_at, outage = time.monotonic(), self._stale_if_error
        try:
            found = read()
        except StoreUnavailable:
            raise
        except TokenNotFound:
            self._cache.drop(key)  # or it would be served when the store is down
            outage.record_recovery()
            raise
        except BaseException:
            outage.end_probe()
            raise
        outage.record_recovery()
        if found is not None and only_id in (None, found.token.id):
            validity = self._enforcer.limit(*found)
            self._cache.put(key, found.token, counter, read_at, validity=validity)
        return found

    def fresh(self, key: Hashable, min_ttl: timedelta = NO_MINIMUM) -> Token | None:
        """Return the cached token if it is valid and nothing is due for it, else None.

        Raises:
            StoreUnavailable: The store does not answer, and no cached token would do.
        """
        if self._stale_if_error.retry_at is not None:
            return None
        try:
            entry = self._cache.get(key, self._store.change_counter())
        except StoreUnavailable as error:
            return self._stale_if_error.serve_or_raise(error, key, min_ttl)
        return self._if_fresh(entry, min_ttl)

    def peek(self, key: Hashable, min_ttl: timedelta = NO_MINIMUM) -> Token | None:
        """Return the cached token if nothing has to be read, done for it or waited for."""
        retry_at = self._stale_if_error.retry_at
        if retry_at is not None:
            is_waiting = time.monotonic() < retry_at
            return self._stale_if_error.stale(key, min_ttl) if is_waiting else None
        try:
            entry = self._cache.get(key, self._store.change_counter())
        except StoreUnavailable:
            return None
        return self._if_fresh(entry, min_ttl)

    def _if_fresh(self, entry: Entry | None, min_ttl: timedelta) -> Token | None:
        now = self._clock()
        if entry and entry.validity.covers(now, min_ttl) and now < entry.validity.refresh_at:
            return None if self._backoff.dead(entry.token) else entry.token
        return None

    def drop(self, key: Hashable) -> None:
        """Forget a cached token: the API rejected it."""
        self._cache.drop(key)

    def clear(self) -> None:
        """Forget all cached tokens: one was deleted."""
        self._cache.clear()
