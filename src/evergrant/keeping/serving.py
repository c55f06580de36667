"""Hands out the tokens at hand, loads the others, and goes on while the store is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from evergrant.clock import Clock
from evergrant.errors import OAuthError, StoreUnavailable, TokenNotFound
from evergrant.events import Emit, StoreFailed, StoreRecovered
from evergrant.forking import ProcessLock
from evergrant.keeping.cache import TokenCache
from evergrant.keeping.looking import Looking
from evergrant.keeping.windows import ANY_LIFE, Window
from evergrant.stores.base import TokenStore
from evergrant.token import Token, about

__all__ = ["Serving"]

Found = TypeVar("Found", bound=Token | None)

RETRY = 1.0
"""Seconds after which a store that did not answer is asked again, by one caller."""

PROBE = 30.0
"""Seconds that this one may take: a host that is gone does not even refuse."""


class Serving:
    """Tokens by what they are asked for; safe to share between threads.

    Args:
        window: Says when a token may be handed out.
        dead: Says why a token is of no use whatever its window says; cheap to ask.
    """

    def __init__(
        self,
        store: TokenStore,
        clock: Clock,
        emit: Emit,
        window: Callable[[Token], Window] = Window.of,
        dead: Callable[[Token], OAuthError | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._emit = emit
        self._cache = TokenCache(window)
        self._dead = dead
        self._looking = Looking()
        self._lock = ProcessLock()
        self._retry_at: float | None = None
        self._tell_at = 0.0

    def token(
        self,
        asked: Hashable,
        load: Callable[[], Found],
        *,
        elect: Callable[[Token], object],
        min_life: timedelta = ANY_LIFE,
        keeps: Callable[[Token], bool] = lambda _: True,
        purpose: str = "",
    ) -> Token | Found:
        """Return the token at hand, or what ``load`` returns.

        Args:
            elect: Is told of a token at hand for which something is due.
            min_life: How much life it must have left.
            keeps: Says whether what was loaded answers the next such question too.
            purpose: What ``load`` is for: calls share one that is under way, if it has theirs.

        Raises:
            StoreUnavailable: The store does not answer, and no token at hand would do.
            EvergrantError: What ``load`` raises.
        """
        if self._retry_at is not None and not self._claims_probe():
            known = self._last_known(asked, min_life)
            if known is not None:
                return known
        try:
            generation = self._store.generation()
            if self._retry_at is None and (entry := self._cache.get(asked, generation)):
                now = self._clock()
                if entry.window.is_open(now, min_life) and not self._dead(entry.token):
                    if now >= entry.window.due:
                        elect(entry.token)
                    return entry.token
            look = partial(self._loaded, asked, load, keeps, generation)
            if generation is not None or self._last_known(asked, min_life) is None:
                return look()
            return self._looking.do((asked, min_life, purpose), look)
        except StoreUnavailable as error:
            return self._in_spite_of(error, asked, min_life)

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
            with self._lock.here():  # another may have found out meanwhile that it is back
                self._retry_at = self._retry_at and time.monotonic()
            raise
        self._note_recovery()
        if token is not None and keeps(token):
            self._cache.put(asked, token, generation, read_at)
        return token

    def at_hand(self, asked: Hashable, min_life: timedelta = ANY_LIFE) -> Token | None:
        """Return what `token` would if there is nothing to be done for it, or waited for."""
        retry_at = self._retry_at
        if retry_at is not None:
            return self._last_known(asked, min_life) if time.monotonic() < retry_at else None
        try:
            entry = self._cache.get(asked, self._store.generation())
        except StoreUnavailable:
            return None
        now = self._clock()
        if entry and entry.window.is_open(now, min_life) and now < entry.window.due:
            return None if self._dead(entry.token) else entry.token
        return None

    def _last_known(self, asked: Hashable, min_life: timedelta) -> Token | None:
        known = self._cache.last_known(asked)
        if known and known.window.is_open(self._clock(), min_life) and not self._dead(known.token):
            return known.token
        return None

    def _claims_probe(self) -> bool:
        """Say whether this caller is the one to find out whether the store is back."""
        with self._lock.here():
            now = time.monotonic()
            if self._retry_at is None or now < self._retry_at:
                return False
            self._retry_at = now + PROBE  # the others do not wait for it
            return True

    def _in_spite_of(self, error: StoreUnavailable, asked: Hashable, min_life: timedelta) -> Token:
        known = self._last_known(asked, min_life)
        self._retry_at = time.monotonic() + RETRY
        if known is None:
            seen = self._cache.last_known(asked)
            raise (seen and self._dead(seen.token)) or error
        with self._lock.here():  # many may find out at the same moment, and one tells
            now = time.monotonic()
            is_told = now < self._tell_at
            self._tell_at = self._tell_at if is_told else now + RETRY
        if not is_told:
            self._emit(StoreFailed(at=self._clock(), error=error, **about(known)))
        return known

    def _note_recovery(self) -> None:
        if self._retry_at is None:
            return
        with self._lock.here():
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
