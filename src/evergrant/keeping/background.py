"""Work that nobody waits for, in threads that live as long as there is some."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from evergrant.forking import ProcessLock, this_process
from evergrant.limited_log import LimitedLog

__all__ = ["Background"]

_logger = LimitedLog()

THREADS = 8
"""Pieces of work at the same time."""

MOST_WAITING = 1_000
"""Pieces that may wait their turn; more are refused."""


class Background:
    """Does each piece of work once, by its key; safe to share between threads.

    The threads are not daemons: a program that ends waits for the pieces that are under way, so
    that what Zoho grants is saved. Pieces that have not begun by then are left.
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._process = this_process()
        self._waiting: dict[str, Callable[[], object]] = {}
        self._under_way: set[str] = set()
        self._threads = 0
        self._closed = False

    def do(self, key: str, work: Callable[[], object]) -> bool:
        """Begin a piece of work soon, in another thread.

        Returns:
            Whether it is accepted: not while one with its key waits or is under way, nor when
            too many wait.
        """
        with self._lock.here():
            if self._process != this_process():
                # A forked child has none of the threads, and leaves their work to its parent.
                self._process, self._threads = this_process(), 0
                self._waiting, self._under_way = {}, set()
            known = key in self._waiting or key in self._under_way
            if known or self._closed or len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting[key] = work
            if self._threads >= THREADS:
                return True
            self._threads += 1
        return self._begin(key)

    def _begin(self, key: str) -> bool:
        try:
            threading.Thread(target=self._run, name="evergrant-background").start()
        except RuntimeError as error:  # the interpreter is ending, or there are too many threads
            _logger.warning("nothing can be done in the background: %s", error)
            with self._lock.here():
                self._threads -= 1
                return self._threads > 0 or self._waiting.pop(key, None) is None
        return True

    def _run(self) -> None:
        while piece := self._next():
            key, work = piece
            try:
                work()
            except Exception:
                _logger.exception("work in the background failed")
            finally:
                self._under_way.discard(key)

    def _next(self) -> tuple[str, Callable[[], object]] | None:
        with self._lock.here():
            if self._closed or not threading.main_thread().is_alive():
                self._waiting = {}
            if not self._waiting:
                self._threads -= 1
                return None
            key = next(iter(self._waiting))
            self._under_way.add(key)
            return key, self._waiting.pop(key)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or is under way."""
        return not self._threads

    def close(self, timeout: float = 60.0) -> None:
        """Take no more work, and wait for what is under way; seconds at the most."""
        self._closed = True
        until = time.monotonic() + timeout
        while not self.is_idle and time.monotonic() < until:
            time.sleep(0.005)
