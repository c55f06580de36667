"""Notices of changes, which the server publishes to all who share a store."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from evergrant import _fork
from evergrant.stores.redis.errors import TROUBLE

__all__ = ["ChangeSubscriber"]

PING_EVERY_S = 0.3
"""Seconds between two pings of the server."""

TRUSTED_FOR_S = 0.9
"""Seconds without any message from the server after which changes may have been missed."""

PING_TIMEOUT_S = 5.0
"""Seconds without an answer to a ping after which the connection is opened again."""

LIFETIME_S = 60.0
"""Seconds after which the connection is opened again, since its address may lead elsewhere."""

PAUSE_S = 0.5
"""Seconds between two attempts to reach a server that is gone."""


class ChangeSubscriber:
    """Counts changes and given-back leases of a store; one connection and thread per process.

    Args:
        client: Returns a client that is not shared.
        prefix: The prefix of the store's keys.

    Attributes:
        sender: Names this process in its own notices of changes, which it has counted already.
    """

    def __init__(self, client: Callable[[], Any], prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._closed = False
        self._changes = self._releases = self._moves = 0
        self._begin()
        _fork.register(self)

    def move(self) -> None:
        """Subscribe to another server, since this one is no longer the primary."""
        with self._lock:
            self._moves += 1
            self._changes += 1
            self._trusted_until = 0.0

    def _begin(self) -> None:
        self._process = _fork.this_process()
        self.sender = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._trusted_until = 0.0
        self._changes += 1  # nothing the parent knew is taken for unchanged

    def changes(self) -> int | None:
        """Return how many changes were counted, or None while no messages arrive."""
        return self._changes if self._is_current() else None

    def wait_counter(self) -> tuple[int, int] | None:
        """Return a value that differs after a change, or after a lease was given back."""
        return (self._changes, self._releases) if self._is_current() else None

    def note_change(self) -> None:
        """Count a change of this process, which it may ask about before its message arrives."""
        with self._lock:
            self._changes += 1

    def _is_current(self) -> bool:
        if self._thread is None:
            self._start()
        return time.monotonic() < self._trusted_until

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closed:
                thread = threading.Thread(target=self._listen, name="evergrant hears", daemon=True)
                with suppress(RuntimeError):  # no thread can be started: the program is ending
                    thread.start()
                    self._thread = thread

    def _listen(self) -> None:
        while not self._closed:
            moves = self._moves  # read first: a server connected before a move is the old primary
            try:
                client = self._client()
                try:
                    with client.pubsub() as channel:
                        self._receive(channel, moves)
                finally:
                    client.close()
            except (*TROUBLE, ValueError):
                # Callers are told that nothing is known, and read the store itself.
                self._trusted_until = 0.0
                time.sleep(PAUSE_S)

    def _receive(self, channel: Any, moves: int) -> None:
        channel.subscribe(f"{self._prefix}:changes", f"{self._prefix}:releases")
        asked, answered = 0.0, True
        until = time.monotonic() + LIFETIME_S
        while not self._closed and self._moves == moves and time.monotonic() < until:
            # One ping at a time: an answer is as old as its own ping, not as the latest one.
            if answered and time.monotonic() - asked >= PING_EVERY_S:
                asked, answered = time.monotonic(), False
                channel.ping()
            if time.monotonic() - asked >= PING_TIMEOUT_S:
                raise TimeoutError
            message = channel.get_message(timeout=PING_EVERY_S / 3)
            if message is None:
                continue
            with self._lock:
                if message["type"] == "subscribe":
                    self._changes += 1  # earlier messages were missed
                elif self._moves != moves:
                    break
                elif message["type"] == "pong":
                    # Sent after the ping: all that happened before the ping is counted by now.
                    self._trusted_until, answered = asked + TRUSTED_FOR_S, True
                elif str(message["channel"]).endswith(":changes"):
                    self._changes += message["data"] != self.sender
                else:
                    self._releases += 1

    def close(self) -> None:
        """Stop listening."""
        self._closed = True

    def before_fork(self) -> None:
        """Do nothing; see `_fork`."""

    def after_fork(self) -> None:
        """Start afresh in the child, which has no listening thread; see `_fork`."""
        if _fork.this_process() != self._process:
            self._begin()
