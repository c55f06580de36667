"""Hands out tokens to the tasks of event loops, which are never blocked by it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from evergrant.keeping.custody import Custody
from evergrant.keeping.heartbeat import LONGEST
from evergrant.keeping.offload import Lanes, Offload
from evergrant.keeping.reader import Reader
from evergrant.keeping.renewable import home_of
from evergrant.keeping.serving import Serving
from evergrant.keeping.windows import ANY_LIFE
from evergrant.token import Token

__all__ = ["AsyncTokens"]

T = TypeVar("T")

QUICK_THREADS = 4
"""Threads for what waits for nobody but the store on this host."""

READING_THREADS = 16
"""Threads for what reads the store, and waits for nobody else: a store has few connections."""

WAITING_THREADS = 100
"""Threads for who waits for renewals by one data center."""

ACTING_THREADS = 16
"""Threads for logins and revocations at one data center; renewals that hang do not hold them."""


class Source(Protocol):
    """What a Keeper does, in the thread that asks."""

    def at_hand(self, user: str, *, min_life: timedelta) -> Token | None:
        """Return a token that works if there is nothing to wait for."""

    def token(self, user: str, *, min_life: timedelta) -> Token:
        """Return a token that works."""

    def renewed(self, user: str, rejected: Token) -> Token:
        """Return a token that is not the one that was rejected."""


class AsyncTokens:
    """The tokens of a Keeper for tasks, in threads of its own.

    Those of the event loop and of anyio are left to the rest of the program: neither waits for
    the other. Tasks that want the same token hold one thread together. Who waits for Zoho holds
    none of those in which others are served.

    Args:
        source: The Keeper.
        custody: What the Keeper works with.
        serving: What the Keeper has at hand.
    """

    def __init__(self, source: Source, custody: Custody, serving: Serving) -> None:
        self._source = source
        self._vouched = custody.vouched
        self._accounts = custody.accounts
        self._reader = Reader(custody, serving)
        self._quick = Offload(QUICK_THREADS, "evergrant-quick", holds_loop=False)
        self._reading = Offload(READING_THREADS, "evergrant-reading")
        self._waiting = Lanes(WAITING_THREADS, "evergrant-waiting")
        self._acting = Lanes(ACTING_THREADS, "evergrant-acting")

    async def token(self, user: str, *, min_life: timedelta = ANY_LIFE) -> Token:
        """Return a token that works; see `evergrant.Keeper.token`."""
        asked = user, min_life
        at_hand = partial(self._source.at_hand, user, min_life=min_life)
        in_store = partial(self._reader.token, user, min_life=min_life)
        for pool, look in ((self._quick, at_hand), (self._reading, in_store)):
            token = await pool.share(asked, look)
            if token is not None:
                return token
        wait = partial(self._source.token, user, min_life=min_life)
        return await self._waiting.of(await self._home_of(user)).share(asked, wait)

    async def _home_of(self, user: str) -> str:
        return await self._reading.share(("home", user), partial(self._reader.home, user))

    async def token_for(self, user: str, url: str) -> Token:
        """Return the token of this user if a request to this URL may carry it."""
        return self._vouched(await self.token(user), url)

    async def renewed(self, user: str, rejected: Token) -> Token:
        """Return a token of this user other than the one that the API rejected."""
        asked = user, rejected.access_token
        lane = self._waiting.of(home_of(rejected, self._accounts))
        return await lane.share(asked, partial(self._source.renewed, user, rejected))

    async def read(self, call: Callable[[], T]) -> T:
        """Return what a call of the Keeper's returns that waits for the store only."""
        return await self._reading.alone(call)

    async def end(self, user: str | Token, call: Callable[[], T]) -> T:
        """Return what a call of the Keeper's returns that ends a user's grant at Zoho."""
        if isinstance(user, Token):
            home = home_of(user, self._accounts)
        else:
            home = await self._home_of(user)
        return await self._acting.of(home).alone(call)

    async def log_in(self, where: str | None, call: Callable[[], T]) -> T:
        """Return what a call of the Keeper's returns that logs somebody in.

        Args:
            where: The code of the data center, as far as it is known.
        """
        known = where in self._accounts.data_centers.codes  # it may have come through a browser
        return await self._acting.of(where if where and known else "").alone(call)

    async def aclose(self, close: Callable[[], None]) -> None:
        """Have ``close`` called, which calls `close`."""
        if not self._quick.is_closed:
            await self._quick.alone(close)

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way, a minute at the most."""
        self._reading.close(0)  # nobody begins anything while it waits
        until = time.monotonic() + LONGEST
        for lanes in (self._waiting, self._acting):
            lanes.close(until)
        self._reading.close(max(0.0, until - time.monotonic()))
        self._quick.close(0)
