"""Who writes a token file: one thread of one process at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from evergrant.errors import StoreUnavailable

__all__ = ["WriterLock"]

POLL = 0.002
"""Seconds between two looks at a lock that another process holds."""

LONGEST_TURN = 0.05
"""Seconds that a process may go on writing without a pause."""


class WriterLock:
    """A lock among threads, and a lock file among processes.

    Args:
        path: The file that is written; the lock file is beside it.
        timeout: How long to wait for another process, in seconds.

    Attributes:
        path: The lock file.
    """

    def __init__(self, path: str, timeout: float) -> None:
        from filelock import FileLock

        self.path = f"{path}.lock"
        self._written = path
        self._timeout = timeout
        self._threads = threading.RLock()
        self._processes = FileLock(self.path, timeout, mode=0o600, thread_local=False)
        self._busy_since = self._released = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreUnavailable: Another process held it all the time.
            OSError: The lock file cannot be used.
        """
        from filelock import Timeout

        with self._threads:
            self._let_others_in()
            try:
                self._processes.acquire(poll_interval=POLL)
            except Timeout:
                raise StoreUnavailable(
                    f"{self._written} was locked by another program for {self._timeout:g} s; "
                    "nothing was saved",
                    hint="Try again, or find the program that holds the lock.",
                ) from None
            try:
                yield
            finally:
                self._processes.release()
                self._released = time.monotonic()

    def _let_others_in(self) -> None:
        # Other processes look for the lock from time to time: one that takes it again and again
        # without a pause would keep them out for as long as it goes on.
        now = time.monotonic()
        if now - self._released > POLL:
            self._busy_since = now
        elif now - self._busy_since > LONGEST_TURN:
            time.sleep(2 * POLL)
            self._busy_since = time.monotonic()
