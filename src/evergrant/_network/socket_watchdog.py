"""Ends exchanges with servers that take too long, however slowly bytes arrive, by their sockets.

The timeouts of drivers are for each part that arrives, so that one byte in each of them holds
their caller for ever.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Self

from evergrant._fork import PerProcess

__all__ = ["Exchange", "belongs_to_exchange"]

TICK_S = 0.25
"""Seconds between two looks at the exchanges that are under way."""

REST_S = 10.0
"""Seconds without any exchange after which the watchdog sleeps until the next."""


class Exchange:
    """What a thread says to a server and hears from it in a ``with`` block, and no longer.

    Once its time is over, its connection (see `belongs_to_exchange`) is shut, and the driver raises
    as for one that is lost.

    Args:
        seconds: How long it may take as a whole.
    """

    __slots__ = ("_outer", "_watched", "connection", "until")

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.connection: socket.socket | None = None

    def __enter__(self) -> Self:
        self._outer: Exchange | None = getattr(_own, "exchange", None)
        _own.exchange = self
        watchdog = _watchdogs.get()
        self._watched = watchdog.under_way
        self._watched.add(self)
        if watchdog.sleeps:
            watchdog.wake()
        return self

    def __exit__(self, *_: object) -> None:
        self._watched.discard(self)
        self.connection = None
        _own.exchange = self._outer


def belongs_to_exchange(connection: socket.socket | None) -> None:
    """Say which connection this thread's exchange goes on over; without one, it does not matter."""
    exchange: Exchange | None = getattr(_own, "exchange", None)
    if exchange is not None:
        exchange.connection = connection


class _Watchdog:
    """Shuts the connections of exchanges whose time is over; a thread that ends with the program.

    Attributes:
        under_way: The exchanges. A set's own methods are whole: an exchange takes no lock.
        sleeps: Whether the thread is at rest.
    """

    def __init__(self) -> None:
        self.under_way: set[Exchange] = set()
        self.sleeps = True
        self._called = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Look at them from now on."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="evergrant watchdog", daemon=True)
                with suppress(RuntimeError):  # there is no thread to be had: the program ends
                    thread.start()
                    self._thread = thread
        self.sleeps = False
        self._called.set()

    def _run(self) -> None:
        while True:
            self._called.wait()
            self._called.clear()
            self._look_on()

    def _look_on(self) -> None:
        quiet_since = time.monotonic()
        while True:
            now = time.monotonic()
            exchanges = self.under_way.copy()
            if exchanges:
                quiet_since = now
            elif self.sleeps:
                return  # none has begun since it was said
            # Set before the last look: an exchange that starts after it wakes the thread.
            self.sleeps = now - quiet_since >= REST_S
            for exchange in exchanges:
                if exchange.until <= now and (connection := exchange.connection) is not None:
                    with suppress(OSError):  # it has ended already
                        # Not that of TLS, which would wait for a lock or forget what is read.
                        socket.socket.shutdown(connection, socket.SHUT_RDWR)
            if not self.sleeps:
                time.sleep(TICK_S)


_own = threading.local()
_watchdogs = PerProcess(_Watchdog)
