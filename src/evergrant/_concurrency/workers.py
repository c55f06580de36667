"""Background work, in threads that live as long as there is some."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from evergrant._fork import PerProcess, ProcessLock
from evergrant._logging.rate_limited import RateLimitedLog

__all__ = ["BackgroundWorkers"]

_logger = RateLimitedLog()

THREADS = 8
"""Pieces of work at the same time, for each server."""

MAX_QUEUED = 1_000
"""Pieces that may wait their turn for each server; more are refused."""


@dataclass(slots=True)
class _Queue:
    """Work that waits for one server, in threads of its own."""

    waiting: dict[str, Callable[[], object]] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    threads: set[threading.Thread] = field(default_factory=set)


class BackgroundWorkers:
    """Does each piece of work once, by its key; safe to share between threads.

    The threads are not daemons: a program that ends waits for the pieces that are under way, so
    that what Zoho grants is saved. Pieces that have not begun by then are left. A forked child has
    none of the threads, and leaves their work to its parent.
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._queues: PerProcess[dict[str, _Queue]] = PerProcess(dict)
        self._closed = False

    def submit(self, key: str, work: Callable[[], object], server: str = "") -> bool:
        """Begin a piece of work soon, in another thread.

        Args:
            server: Which server it waits for; one that hangs holds up no work for another.

        Returns:
            Whether it is accepted: not while a piece with its key waits or is under way, and not
            if too many wait.
        """
        with self._lock.get():
            queues = self._queues.get()
            queue = queues.setdefault(server, _Queue())
            known = any(key in one.waiting or key in one.under_way for one in queues.values())
            if known or self._closed or len(queue.waiting) >= MAX_QUEUED:
                return False
            # By the threads themselves: an interrupt may end the start of one at any moment.
            queue.threads = {thread for thread in queue.threads if thread.is_alive()}
            problem = None if len(queue.threads) >= THREADS else self._begin(queue)
            if accepted := bool(queue.threads):
                queue.waiting[key] = work
        if problem:
            _logger.warning("nothing can be done in the background: %s", problem)
        return accepted

    def _begin(self, queue: _Queue) -> RuntimeError | None:
        """Begin another thread; return why there can be none, or None."""
        try:
            thread = threading.Thread(target=self._run, args=[queue], name="evergrant-background")
            thread.start()
        except RuntimeError as error:  # the interpreter is ending, or there are too many threads
            return error
        queue.threads.add(thread)
        return None

    def _run(self, queue: _Queue) -> None:
        while piece := self._next(queue):
            key, work = piece
            try:
                work()
            except Exception:
                _logger.exception("work in the background failed")
            finally:
                queue.under_way.discard(key)

    def _next(self, queue: _Queue) -> tuple[str, Callable[[], object]] | None:
        with self._lock.get():
            if self._closed or not threading.main_thread().is_alive():
                queue.waiting = {}
            if not queue.waiting:
                queue.threads.discard(threading.current_thread())
                return None
            key = next(iter(queue.waiting))
            queue.under_way.add(key)
            return key, queue.waiting.pop(key)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or is under way."""
        queues = list(self._queues.get().values())
        return not any(queue.waiting or queue.under_way for queue in queues)

    def close(self, timeout: float = 60.0) -> None:
        """Take no more work, and wait for what is under way; seconds at the most."""
        self._closed = True
        until = time.monotonic() + timeout
        while not self.is_idle and time.monotonic() < until:
            time.sleep(0.005)
