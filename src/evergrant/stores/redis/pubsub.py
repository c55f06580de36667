"""Word of changes, as the server publishes it to whoever shares a store."""

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

PING_EVERY = 0.3
"""Seconds between two questions to the server whether it still is there."""

TRUSTED_FOR = 0.9
"""Seconds without any word from the server after which nothing is believed to be unchanged."""

PING_TIMEOUT = 5.0
"""Seconds after which a server that has not answered such a question is connected to anew."""

LIFETIME = 60.0
"""Seconds after which the connection is made anew: its address may lead elsewhere by now."""

PAUSE = 0.5
"""Seconds before another attempt at a server that is gone."""


class ChangeSubscriber:
    """Counts changes and given-back leases of a store; one connection and thread per process.

    Args:
        client: Returns a client that is not shared.
        prefix: The store's.

    Attributes:
        sender: What this process's own word of changes says; those it has counted when it hears it.
    """

    def __init__(self, client: Callable[[], Any], prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._closed = False
        self._changes = self._releases = self._moves = 0
        self._begin()
        _fork.register(self)

    def move(self) -> None:
        """Hear another server from now on: this one is not the primary any more."""
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
        """Return how many changes were heard of; None while the server is not heard."""
        return self._changes if self._is_current() else None

    def wait_counter(self) -> tuple[int, int] | None:
        """Return what differs after a change, or after a lease was given back."""
        return (self._changes, self._releases) if self._is_current() else None

    def note_change(self) -> None:
        """Count a change of this process's own, which may be asked about before it is heard of."""
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
                with suppress(RuntimeError):  # there is no thread to be had: the program ends
                    thread.start()
                    self._thread = thread

    def _listen(self) -> None:
        while not self._closed:
            moves = self._moves  # first: what is connected to before a move is the former primary
            try:
                client = self._client()
                try:
                    with client.pubsub() as channel:
                        self._receive(channel, moves)
                finally:
                    client.close()
            except (*TROUBLE, ValueError):
                # Who asks is told that nothing is known, and reads the store itself.
                self._trusted_until = 0.0
                time.sleep(PAUSE)

    def _receive(self, channel: Any, moves: int) -> None:
        channel.subscribe(f"{self._prefix}:changes", f"{self._prefix}:releases")
        asked, answered = 0.0, True
        until = time.monotonic() + LIFETIME
        while not self._closed and self._moves == moves and time.monotonic() < until:
            # One question at a time: an answer is as old as its own question, not as the latest.
            if answered and time.monotonic() - asked >= PING_EVERY:
                asked, answered = time.monotonic(), False
                channel.ping()
            if time.monotonic() - asked >= PING_TIMEOUT:
                raise TimeoutError
            message = channel.get_message(timeout=PING_EVERY / 3)
            if message is None:
                continue
            with self._lock:
                if message["type"] == "subscribe":
                    self._changes += 1  # what happened before was not heard
                elif self._moves != moves:
                    break
                elif message["type"] == "pong":
                    # Sent after the question: what had happened until then is counted by now.
                    self._trusted_until, answered = asked + TRUSTED_FOR, True
                elif str(message["channel"]).endswith(":changes"):
                    self._changes += message["data"] != self.sender
                else:
                    self._releases += 1

    def close(self) -> None:
        """Hear no more."""
        self._closed = True

    def before_fork(self) -> None:
        """Nothing: the parent goes on; see `forking`."""

    def after_fork(self) -> None:
        """Begin anew in the child, which has no thread that hears; see `forking`."""
        if _fork.this_process() != self._process:
            self._begin()
