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
"""Pieces of work at the same time, in each lane."""

MAX_QUEUED = 1_000
"""Pieces that may wait their turn in each lane; more are refused."""


@dataclass(slots=True)
class _Lane:
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
        self._lanes: PerProcess[dict[str, _Lane]] = PerProcess(dict)
        self._closed = False

    def submit(self, key: str, work: Callable[[], object], lane: str = "") -> bool:
        """Begin a piece of work soon, in another thread.

        Args:
            lane: Names whom it waits for; one server that hangs holds no work for another.

        Returns:
            Whether it is accepted: not while one with its key waits or is under way, nor when
            too many wait.
        """
        with self._lock.get():
            lanes = self._lanes.get()
            mine = lanes.setdefault(lane, _Lane())
            known = any(key in one.waiting or key in one.under_way for one in lanes.values())
            if known or self._closed or len(mine.waiting) >= MAX_QUEUED:
                return False
            # By the threads themselves: an interrupt may end the start of one at any moment.
            mine.threads = {thread for thread in mine.threads if thread.is_alive()}
            problem = None if len(mine.threads) >= THREADS else self._begin(mine)
            if accepted := bool(mine.threads):
                mine.waiting[key] = work
        if problem:
            _logger.warning("nothing can be done in the background: %s", problem)
        return accepted

    def _begin(self, lane: _Lane) -> RuntimeError | None:
        """Begin another thread; return why there can be none, or None."""
        try:
            thread = threading.Thread(target=self._run, args=[lane], name="evergrant-background")
            thread.start()
        except RuntimeError as error:  # the interpreter is ending, or there are too many threads
            return error
        lane.threads.add(thread)
        return None

    def _run(self, lane: _Lane) -> None:
        while piece := self._next(lane):
            key, work = piece
            try:
                work()
            except Exception:
                _logger.exception("work in the background failed")
            finally:
                lane.under_way.discard(key)

    def _next(self, lane: _Lane) -> tuple[str, Callable[[], object]] | None:
        with self._lock.get():
            if self._closed or not threading.main_thread().is_alive():
                lane.waiting = {}
            if not lane.waiting:
                lane.threads.discard(threading.current_thread())
                return None
            key = next(iter(lane.waiting))
            lane.under_way.add(key)
            return key, lane.waiting.pop(key)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or is under way."""
        lanes = list(self._lanes.get().values())
        return not any(lane.waiting or lane.under_way for lane in lanes)

    def close(self, timeout: float = 60.0) -> None:
        """Take no more work, and wait for what is under way; seconds at the most."""
        self._closed = True
        until = time.monotonic() + timeout
        while not self.is_idle and time.monotonic() < until:
            time.sleep(0.005)
