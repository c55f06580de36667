"""Tokens for the tasks of event loops: the loop is never blocked."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from evergrant._concurrency.offload import ThreadBridge, ThreadBridges
from evergrant._core.lease_heartbeat import MAX_REFRESH_TIME_S
from evergrant._core.manager import TokenManager
from evergrant._core.refreshable import data_center_code
from evergrant._core.validity import NO_MINIMUM
from evergrant.services import Service
from evergrant.token import Token, User

__all__ = ["AsyncTokens"]

T = TypeVar("T")

CACHE_THREADS = 4
"""Threads for cache look-ups, which wait for nothing but a store on this host."""

STORE_THREADS = 16
"""Threads for reads of the store: it has few connections."""

REFRESH_THREADS = 100
"""Threads that wait for refreshes by one data center."""

LOGIN_THREADS = 16
"""Threads for logins and revocations at one data center; refreshes that hang do not hold them."""


class AsyncTokens:
    """The tokens of a Keeper for tasks, in threads of its own.

    The threads of the event loop and of anyio are left to the rest of the program. Tasks that
    want the same token share one thread. A task that waits for Zoho holds no thread that serves
    cached or stored tokens.

    Args:
        manager: What the Keeper works with.
    """

    def __init__(self, manager: TokenManager) -> None:
        self._manager = manager
        self._accounts = manager.accounts
        self._quick = ThreadBridge(CACHE_THREADS, "evergrant-quick", holds_loop=False)
        self._reading = ThreadBridge(STORE_THREADS, "evergrant-reading")
        self._waiting = ThreadBridges(REFRESH_THREADS, "evergrant-waiting")
        self._acting = ThreadBridges(LOGIN_THREADS, "evergrant-acting")

    async def token(self, user: User, *, min_ttl: timedelta = NO_MINIMUM) -> Token:
        """Return a token that works; see `evergrant.Keeper.token`."""
        asked = user, min_ttl
        at_hand = partial(self._manager.cached_token, user, min_ttl=min_ttl)
        in_store = partial(self._manager.token_if_valid, user, min_ttl=min_ttl)
        for pool, look in ((self._quick, at_hand), (self._reading, in_store)):
            token = await pool.run_shared(asked, look)
            if token is not None:
                return token
        wait = partial(self._manager.token, user, min_ttl=min_ttl)
        return await self._waiting.bridge_for(await self._data_center_of(user)).run_shared(
            asked, wait
        )

    async def _data_center_of(self, user: User) -> str:
        return await self._reading.run_shared(
            ("home", user), partial(self._manager.data_center_code, user)
        )

    async def token_for_url(self, user: User, url: str, service: Service) -> Token:
        """Return the token of this user if a request to this URL may carry it."""
        return self._manager.check_destination(await self.token(user), url, service)

    async def replace_rejected(self, user: User, rejected: Token) -> Token:
        """Return a token of this user other than the one that the API rejected."""
        # Its hash: a tracker shows what a tuple holds, in each frame that has it.
        asked = user, hash(rejected.access_token)
        replace = partial(self._manager.replace_rejected, user, rejected)
        bridge = self._waiting.bridge_for(data_center_code(rejected, self._accounts))
        return await bridge.run_shared(asked, replace)

    async def replace_unclear(self, user: User, refused: Token) -> Token | None:
        """Return a token of this user other than the refused one, or None if that was tried."""
        asked = "unclear", user, hash(refused.access_token)
        bridge = self._waiting.bridge_for(data_center_code(refused, self._accounts))
        return await bridge.run_shared(asked, partial(self._manager.replace_unclear, user, refused))

    async def read(self, call: Callable[[], T]) -> T:
        """Return what a Keeper call returns that waits for the store only."""
        return await self._reading.run(call)

    async def end(self, user: User, call: Callable[[], T]) -> T:
        """Return what a Keeper call returns that ends a user's grant at Zoho."""
        if isinstance(user, Token):
            home = data_center_code(user, self._accounts)
        else:
            home = await self._data_center_of(user)
        return await self._acting.bridge_for(home).run(call)

    async def log_in(self, data_center: str | None, call: Callable[[], T]) -> T:
        """Return what a Keeper call returns that logs a user in.

        Args:
            data_center: The code of the data center, if it is known.
        """
        # It may have come through a browser.
        is_known = data_center in self._accounts.data_centers.codes
        return await self._acting.bridge_for(data_center if data_center and is_known else "").run(
            call
        )

    async def aclose(self, close: Callable[[], None]) -> None:
        """Have ``close`` called, which calls `close`."""
        if not self._quick.is_closed:
            await self._quick.run(close)

    def close(self) -> None:
        """Start nothing more, and wait at most a minute for what is under way."""
        self._reading.close(0)  # nothing is started while it waits
        until = time.monotonic() + MAX_REFRESH_TIME_S
        for bridges in (self._waiting, self._acting):
            bridges.close(until)
        self._reading.close(max(0.0, until - time.monotonic()))
        self._quick.close(0)
