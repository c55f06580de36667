"""The clients of a Redis server: one for each process, and a new one when the primary has moved."""

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
"""Most connections that a process opens. A server answers one request at a time. If hundreds of
threads connected at the same moment, its queue would overflow: the kernel drops connections that
do not fit, and those callers wait for seconds."""

LIFETIME_S = 60.0
"""Seconds after which connections are opened again. After a fail-over the address leads elsewhere,
and an open connection would keep showing the last state of the former primary."""

WAIT_S = 30.0
"""Seconds to wait for a connection while other threads use all of them."""


class Clients:
    """One client for each process; redis-py tells processes by their ids, which may come again.

    Args:
        connect: Makes a client.
        store: The store's URL, for messages.
        timeout: Seconds that a response may take in all.

    Attributes:
        was_writable: Whether the store has accepted changes before.
        moves: How often the server turned out to be no longer the primary.
    """

    def __init__(self, connect: Callable[[], Client], store: str, timeout: float) -> None:
        self._connect = connect
        self._store = store
        self._timeout = timeout
        # All are kept: a client that is freed sends a goodbye on the parent's connections.
        self._clients: dict[Process, Client] = {}
        self._turns = ProcessSemaphore(CONNECTIONS)
        self._reconnect_at = time.monotonic() + LIFETIME_S
        self.was_writable = False
        self.moves = 0

    def for_this_process(self) -> Client:
        """Return this process's client."""
        here = this_process()
        if here not in self._clients:
            self._clients.setdefault(here, self._connect())
        return self._clients[here]

    def call(self, question: Callable[[], T]) -> T:
        """Return the response to a request.

        Raises:
            StoreUnavailable: There is no response; replaces the client's errors.
        """
        turns = self._turns.get()
        if not turns.acquire(timeout=WAIT_S):
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
        """Send a request; if the server is no longer the primary, again on new connections."""
        if time.monotonic() > self._reconnect_at:
            with suppress(*TROUBLE):  # the old connections may still work
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
        """Give this process a new client; threads that use the former one keep it."""
        self._reconnect_at = time.monotonic() + LIFETIME_S
        self._clients[this_process()] = self._connect()

    def close(self) -> None:
        """Close this process's connections."""
        if client := self._clients.get(this_process()):
            with suppress(*TROUBLE):
                client.close()
