"""Hands out the tokens at hand, loads the others, and goes on while the store is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from evergrant._concurrency.deduplicated_read import DeduplicatedRead
from evergrant._core.token_cache import TokenCache
from evergrant._core.validity import NO_MINIMUM, Validity
from evergrant._fork import ProcessLock
from evergrant.clock import Clock
from evergrant.errors import OAuthError, StoreUnavailable, TokenNotFound
from evergrant.events import Listener, StoreFailed, StoreRecovered
from evergrant.stores.base import TokenStore
from evergrant.token import Token, identify

__all__ = ["CachedLookup"]

Found = TypeVar("Found", bound=Token | None)

RETRY_S = 1.0
"""Seconds after which a store that did not answer is asked again, by one caller."""

PROBE_S = 30.0
"""Seconds that this one may take: a host that is gone does not even refuse."""


class CachedLookup:
    """Tokens by what they are asked for; safe to share between threads.

    Args:
        window: Says when a token may be handed out.
        dead: Says why a token is of no use whatever its window says; cheap to ask.
    """

    def __init__(
        self,
        store: TokenStore,
        clock: Clock,
        emit: Listener,
        validity: Callable[[Token], Validity] = Validity.of,
        dead: Callable[[Token], OAuthError | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._emit = emit
        self._cache = TokenCache(validity)
        self._dead = dead
        self._looking = DeduplicatedRead()
        self._lock = ProcessLock()
        self._retry_at: float | None = None
        self._tell_at = 0.0

    def get(
        self,
        key: Hashable,
        load: Callable[[], Found],
        *,
        on_due: Callable[[Token], object],
        min_ttl: timedelta = NO_MINIMUM,
        cacheable: Callable[[Token], bool] = lambda _: True,
        purpose: str = "",
    ) -> Token | Found:
        """Return the token at hand, or what ``load`` returns.

        Args:
            elect: Is told of a token at hand for which something is due.
            min_ttl: How much life it must have left.
            keeps: Says whether what was loaded answers the next such question too.
            purpose: What ``load`` is for: calls share one that is under way, if it has theirs.

        Raises:
            StoreUnavailable: The store does not answer, and no token at hand would do.
            EvergrantError: What ``load`` raises.
        """
        if self._retry_at is not None and not self._claim_retry():
            known = self._stale(key, min_ttl)
            if known is not None:
                return known
        try:
            generation = self._store.change_counter()
            if self._retry_at is None and (entry := self._cache.get(key, generation)):
                now = self._clock()
                if entry.validity.covers(now, min_ttl) and not self._dead(entry.token):
                    if now >= entry.validity.refresh_at:
                        on_due(entry.token)
                    return entry.token
            look = partial(self._loaded, key, load, cacheable, generation)
            if generation is not None or self._stale(key, min_ttl) is None:
                return look()
            return self._looking.run((key, min_ttl, purpose), look)
        except StoreUnavailable as error:
            return self._serve_stale_or_raise(error, key, min_ttl)

    def _loaded(
        self,
        asked: Hashable,
        load: Callable[[], Found],
        keeps: Callable[[Token], bool],
        generation: int | None,
    ) -> Found:
        read_at = time.monotonic()
        try:
            token = load()
        except StoreUnavailable:
            raise
        except TokenNotFound:
            self._cache.drop(asked)  # or it would be served when the store is down
            self._note_recovery()
            raise
        except BaseException:
            with (
                self._lock.for_this_process()
            ):  # another may have found out meanwhile that it is back
                self._retry_at = self._retry_at and time.monotonic()
            raise
        self._note_recovery()
        if token is not None and keeps(token):
            self._cache.put(asked, token, generation, read_at)
        return token

    def peek(self, asked: Hashable, min_ttl: timedelta = NO_MINIMUM) -> Token | None:
        """Return what `token` would if there is nothing to be done for it, or waited for."""
        retry_at = self._retry_at
        if retry_at is not None:
            return self._stale(asked, min_ttl) if time.monotonic() < retry_at else None
        try:
            entry = self._cache.get(asked, self._store.change_counter())
        except StoreUnavailable:
            return None
        now = self._clock()
        if entry and entry.validity.covers(now, min_ttl) and now < entry.validity.refresh_at:
            return None if self._dead(entry.token) else entry.token
        return None

    def _stale(self, asked: Hashable, min_ttl: timedelta) -> Token | None:
        known = self._cache.get_stale(asked)
        if known and known.validity.covers(self._clock(), min_ttl) and not self._dead(known.token):
            return known.token
        return None

    def _claim_retry(self) -> bool:
        """Return True if this caller is the one to find out whether the store is back."""
        with self._lock.for_this_process():
            now = time.monotonic()
            if self._retry_at is None or now < self._retry_at:
                return False
            self._retry_at = now + PROBE_S  # the others do not wait for it
            return True

    def _serve_stale_or_raise(
        self, error: StoreUnavailable, asked: Hashable, min_ttl: timedelta
    ) -> Token:
        known = self._stale(asked, min_ttl)
        self._retry_at = time.monotonic() + RETRY_S
        if known is None:
            seen = self._cache.get_stale(asked)
            raise (seen and self._dead(seen.token)) or error
        with self._lock.for_this_process():  # many may find out at the same moment, and one tells
            now = time.monotonic()
            is_told = now < self._tell_at
            self._tell_at = self._tell_at if is_told else now + RETRY_S
        if not is_told:
            self._emit(StoreFailed(at=self._clock(), error=error, **identify(known)))
        return known

    def _note_recovery(self) -> None:
        if self._retry_at is None:
            return
        with self._lock.for_this_process():
            is_told = self._retry_at is None
            self._retry_at, self._tell_at = None, 0.0
        if not is_told:
            self._emit(StoreRecovered(at=self._clock()))

    def drop(self, asked: Hashable) -> None:
        """Forget the token at hand: the API rejected it."""
        self._cache.drop(asked)

    def clear(self) -> None:
        """Forget all: a token was deleted."""
        self._cache.clear()
