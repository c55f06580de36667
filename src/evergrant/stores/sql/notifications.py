"""Notices of leases that were given back, by PostgreSQL's LISTEN, for callers that wait for one."""

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
from evergrant.stores.leases import POLL_S, Watch
from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.poolers import is_pooled
from evergrant.stores.sql.statements import Statement

__all__ = ["CHANNEL", "NotificationListener"]

_logger = RateLimitedLog()

CHANNEL = "evergrant_lease"
"""The channel; the payload is the name of the table of tokens, a space, and the id."""

MAX_WAIT_S = 0.5
"""Seconds that a watch trusts the connection, since neither a lost network nor an expired lease
sends a notice."""

IDLE_S = 30.0
"""Seconds without a watch after which the connection is closed."""

PAUSE_S = 1.0
"""Seconds between two attempts to listen to a server that is down, or refuses."""

TURN_S = 0.25
"""Seconds between two checks whether any watch is still waiting."""


class NotificationListener:
    """Wakes the watches of a token when any host gives its lease back.

    All watches of a process share one connection, beside the pool's, and one thread. Both start
    when the first watch waits, and end some time after the last. If they fail, watches work as
    they do without them: they return early, and their owners look at the store.

    Args:
        connections: The store's connections; the driver must be psycopg.
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
        """Return True if the database can notify and its driver can listen."""
        dialect = connections.dialect
        return (dialect.name, dialect.driver) == ("postgresql", "psycopg")

    def watch(self, table: str, id_: str) -> Watch:
        """Return what waits for the lease on a token to be given back.

        Args:
            table: The name of the table of tokens in evergrant's own tables.
        """
        watch = _NotifiedWatch(self, f"{table} {id_}")
        with self._lock:
            self._watches.add(watch)
        return watch

    def start(self) -> None:
        """Start to listen, unless that has started already or has just failed."""
        with self._lock:
            if self._thread is None and time.monotonic() >= self._not_before:
                thread = threading.Thread(
                    target=self._listen, name="evergrant listens", daemon=True
                )
                with suppress(RuntimeError):  # no thread can be started: the program is ending
                    thread.start()
                    self._thread = thread

    def forget(self, watch: _NotifiedWatch) -> None:
        """Forget a watch that is over."""
        with self._lock:
            self._watches.discard(watch)

    def _listen(self) -> None:
        moves = (
            self._connections.moves
        )  # read first: a connection before a move is to the old server
        try:
            with closing(self._connections.separate()) as connection:
                self._connections.translating_errors(lambda: self._receive(connection, moves))
        except EvergrantError as error:
            # This costs callers nothing but a moment's delay.
            _logger.info("cannot listen for leases that are given back: %s", error.message)
        finally:
            self._set_listening(hears=False)
            with self._lock:
                self._thread = None
                self._not_before = max(self._not_before, time.monotonic() + PAUSE_S)

    def _receive(self, connection: Any, moves: int) -> None:
        if is_pooled(connection):
            # LISTEN would stay on a session of the pooler, and other clients get the notices.
            self._not_before = math.inf
            return
        connection.execute(f"LISTEN {CHANNEL}")
        # A proxy may still swallow notices, so one is sent as a test and must come back.
        proof = secrets.token_hex(8)
        self._connections.run(Statement(f"SELECT pg_notify('{CHANNEL}', '{proof}')", ()))
        wanted = time.monotonic()
        # After the store has moved to another server, the former one sends no more notices.
        while (
            time.monotonic() - wanted < IDLE_S
            and not self._connections.closed
            and self._connections.moves == moves
        ):
            for notice in connection.notifies(timeout=TURN_S):
                if notice.payload == proof:
                    self._set_listening(hears=True)
                self._wake(notice.payload)
            if self._watches:
                wanted = time.monotonic()

    def _set_listening(self, *, hears: bool) -> None:
        """Note whether this is listening; wake all watches, since notices may have been missed."""
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
        """Do nothing; see `_fork`."""

    def after_fork(self) -> None:
        """Start afresh in the child, which has no listening thread; see `_fork`."""
        if _fork.this_process() != self._process:
            self._begin()


class _NotifiedWatch(Watch):
    """Waits for a notice about one token's lease."""

    def __init__(self, listening: NotificationListener, name: str) -> None:
        super().__init__(lambda: None)
        self.name = name
        self.heard = threading.Event()
        self._listening = listening

    def wait(self, seconds: float) -> None:
        if self._listening.hears:
            limit = MAX_WAIT_S
        else:
            self._listening.start()
            limit = POLL_S
        self.heard.wait(min(seconds, limit))
        self.heard.clear()

    def __exit__(self, *error: object) -> None:
        self._listening.forget(self)
