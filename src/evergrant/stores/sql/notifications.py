"""Word of leases that were given back: PostgreSQL's LISTEN, for those who wait for one."""

from __future__ import annotations

import math
import secrets
import threading
import time
import weakref
from contextlib import closing, suppress
from typing import Any

from evergrant import _fork
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import EvergrantError
from evergrant.stores.leases import POLL, Watch
from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.poolers import is_pooled
from evergrant.stores.sql.statements import Statement

__all__ = ["CHANNEL", "NotificationListener"]

_logger = RateLimitedLog()

CHANNEL = "evergrant_lease"
"""What is notified; the payload names the table of tokens and the id, parted by a space."""

LONGEST = 0.5
"""Seconds that a watch trusts the connection: a network that went away says nothing, and neither
does a lease that ran out."""

IDLE = 30.0
"""Seconds without a watch after which the connection is closed."""

PAUSE = 1.0
"""Seconds before another attempt to listen: of a server that is down, or will not have it."""

TURN = 0.25
"""Seconds between two looks whether anybody still wants to listen."""


class NotificationListener:
    """Wakes those who watch a token when its lease is given back, by whichever host.

    One connection, beside the pool's, and one thread for all of a process's watches; they begin
    when the first one waits and end some time after the last. Where they fail, a watch does as
    one without them does: it returns early, and its owner has a look.

    Args:
        connections: The store's; the driver must be psycopg.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._begin()
        _fork.register(self)

    def _begin(self) -> None:
        self._process = _fork.this_process()
        self._lock = threading.Lock()
        self._watches: weakref.WeakSet[_NotifiedWatch] = weakref.WeakSet()
        self._thread: threading.Thread | None = None
        self._not_before = 0.0
        self.hears = False

    @staticmethod
    def can_use(connections: Connections) -> bool:
        """Return True if a database notifies, and its driver hears of it."""
        dialect = connections.dialect
        return (dialect.name, dialect.driver) == ("postgresql", "psycopg")

    def watch(self, table: str, id_: str) -> Watch:
        """Return what waits for the lease on a token to be given back.

        Args:
            table: What evergrant's own tables call the table of tokens.
        """
        watch = _NotifiedWatch(self, f"{table} {id_}")
        with self._lock:
            self._watches.add(watch)
        return watch

    def start(self) -> None:
        """Begin to listen, unless that was begun, or has just failed."""
        with self._lock:
            if self._thread is None and time.monotonic() >= self._not_before:
                thread = threading.Thread(
                    target=self._listen, name="evergrant listens", daemon=True
                )
                with suppress(RuntimeError):  # there is no thread to be had: the program ends
                    thread.start()
                    self._thread = thread

    def forget(self, watch: _NotifiedWatch) -> None:
        """Let go of a watch that is over."""
        with self._lock:
            self._watches.discard(watch)

    def _listen(self) -> None:
        moves = self._connections.moves  # first: who connects before a move is at the former server
        try:
            with closing(self._connections.separate()) as connection:
                self._connections.explaining(lambda: self._receive(connection, moves))
        except EvergrantError as error:
            # Nobody is the worse for it but for a moment's delay.
            _logger.info("nobody tells when a lease is given back: %s", error.message)
        finally:
            self._set_listening(hears=False)
            with self._lock:
                self._thread = None
                self._not_before = max(self._not_before, time.monotonic() + PAUSE)

    def _receive(self, connection: Any, moves: int) -> None:
        if is_pooled(connection):
            # LISTEN would stay on a session of the pooler's, and what is said come to others.
            self._not_before = math.inf
            return
        connection.execute(f"LISTEN {CHANNEL}")
        # A proxy may keep the answers all the same: what is said must come back.
        proof = secrets.token_hex(8)
        self._connections.run(Statement(f"SELECT pg_notify('{CHANNEL}', '{proof}')", ()))
        wanted = time.monotonic()
        # Where the store has moved to another server, the former one says nothing any more.
        while (
            time.monotonic() - wanted < IDLE
            and not self._connections.closed
            and self._connections.moves == moves
        ):
            for notice in connection.notifies(timeout=TURN):
                if notice.payload == proof:
                    self._set_listening(hears=True)
                self._wake(notice.payload)
            if self._watches:
                wanted = time.monotonic()

    def _set_listening(self, *, hears: bool) -> None:
        """Hear from now on, or no more; wake all, since nobody heard what was said meanwhile."""
        with self._lock:
            self.hears = hears
            for watch in self._watches:
                watch.heard.set()

    def _wake(self, name: str) -> None:
        with self._lock:
            for watch in self._watches:
                if watch.name == name:
                    watch.heard.set()

    def before_fork(self) -> None:
        """Nothing: the parent goes on listening; see `forking`."""

    def after_fork(self) -> None:
        """Begin anew in the child, which has no thread that listens; see `forking`."""
        if _fork.this_process() != self._process:
            self._begin()


class _NotifiedWatch(Watch):
    """Waits for word of one token's lease."""

    def __init__(self, listening: NotificationListener, name: str) -> None:
        super().__init__(lambda: None)
        self.name = name
        self.heard = threading.Event()
        self._listening = listening

    def wait(self, seconds: float) -> None:
        if self._listening.hears:
            limit = LONGEST
        else:
            self._listening.start()
            limit = POLL
        self.heard.wait(min(seconds, limit))
        self.heard.clear()

    def __exit__(self, *error: object) -> None:
        self._listening.forget(self)
