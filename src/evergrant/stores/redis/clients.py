"""The clients of a Redis server: one for each process, and a new one where the primary moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from evergrant._fork import Process, ProcessSemaphore, this_process
from evergrant._masking import raise_without_context
from evergrant._network.socket_watchdog import Exchange
from evergrant.errors import StoreUnavailable
from evergrant.stores.redis.errors import TROUBLE, is_former_primary, translate_error
from evergrant.stores.redis.urls import Client

__all__ = ["CONNECTIONS", "Clients"]

T = TypeVar("T")

CONNECTIONS = 16
"""The most that a process opens. A server answers one question at a time, and hundreds of threads
that connect at the same moment would overrun its queue: the kernel drops what has no place there,
and those callers wait for seconds."""

LIFETIME = 60.0
"""Seconds after which connections are opened anew. After a fail-over one address leads elsewhere,
and a connection that still is open would go on showing what the former primary last knew."""

WAIT = 30.0
"""Seconds to wait for a connection while other threads use all of them."""


class Clients:
    """One client for each process; redis-py tells processes by numbers, which may come again.

    Args:
        connect: Makes one.
        store: The store's URL, for messages.
        timeout: Seconds that an answer may take, however it arrives.

    Attributes:
        was_writable: Whether the store took changes before.
        moves: How often the server turned out not to be the primary any more.
    """

    def __init__(self, connect: Callable[[], Client], store: str, timeout: float) -> None:
        self._connect = connect
        self._store = store
        self._timeout = timeout
        # All are kept: one that nobody refers to says goodbye on connections of the parent's.
        self._clients: dict[Process, Client] = {}
        self._turns = ProcessSemaphore(CONNECTIONS)
        self._anew_at = time.monotonic() + LIFETIME
        self.was_writable = False
        self.moves = 0

    def for_this_process(self) -> Client:
        """Return this process's own."""
        here = this_process()
        if here not in self._clients:
            self._clients.setdefault(here, self._connect())
        return self._clients[here]

    def call(self, question: Callable[[], T]) -> T:
        """Return the answer to a question.

        Raises:
            StoreUnavailable: There is none; in place of the client's errors.
        """
        turns = self._turns.for_this_process()
        if not turns.acquire(timeout=WAIT):
            raise StoreUnavailable(f"all connections to {self._store} are in use")
        try:
            return self._where_it_is(question)
        except TROUBLE as error:
            raise_without_context(
                translate_error(error, self._store, was_writable=self.was_writable)
            )
        finally:
            turns.release()

    def _where_it_is(self, question: Callable[[], T]) -> T:
        """Ask; where the server is not the primary any more, once more on new connections."""
        if time.monotonic() > self._anew_at:
            with suppress(*TROUBLE):  # then the old ones may still do
                self._leave()
        try:
            with Exchange(self._timeout):
                return question()
        except TROUBLE as error:
            if not is_former_primary(error):
                raise
        self._leave()
        self.moves += 1
        with Exchange(self._timeout):
            return question()

    def _leave(self) -> None:
        """Let this process have a new client; who uses the former one goes on with it."""
        self._anew_at = time.monotonic() + LIFETIME
        self._clients[this_process()] = self._connect()

    def close(self) -> None:
        """Close this process's connections."""
        if client := self._clients.get(this_process()):
            with suppress(*TROUBLE):
                client.close()
