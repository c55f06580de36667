"""Background work, in threads that live as long as there is some."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from evergrant._fork import ProcessLock, this_process
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
    threads: int = 0


class BackgroundWorkers:
    """Does each piece of work once, by its key; safe to share between threads.

    The threads are not daemons: a program that ends waits for the pieces that are under way, so
    that what Zoho grants is saved. Pieces that have not begun by then are left.
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._process = this_process()
        self._lanes: dict[str, _Lane] = {}
        self._under_way: set[str] = set()
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
            if self._process != this_process():
                # A forked child has none of the threads, and leaves their work to its parent.
                self._process, self._lanes, self._under_way = this_process(), {}, set()
            mine = self._lanes.setdefault(lane, _Lane())
            known = key in self._under_way or any(
                key in one.waiting for one in self._lanes.values()
            )
            if known or self._closed or len(mine.waiting) >= MAX_QUEUED:
                return False
            mine.waiting[key] = work
            if mine.threads >= THREADS:
                return True
            mine.threads += 1
        return self._begin(key, mine)

    def _begin(self, key: str, lane: _Lane) -> bool:
        try:
            name = "evergrant-background"
            threading.Thread(target=self._run, args=[lane], name=name).start()
        except RuntimeError as error:  # the interpreter is ending, or there are too many threads
            _logger.warning("nothing can be done in the background: %s", error)
            with self._lock.get():
                lane.threads -= 1
                return lane.threads > 0 or lane.waiting.pop(key, None) is None
        return True

    def _run(self, lane: _Lane) -> None:
        while piece := self._next(lane):
            key, work = piece
            try:
                work()
            except Exception:
                _logger.exception("work in the background failed")
            finally:
                self._under_way.discard(key)

    def _next(self, lane: _Lane) -> tuple[str, Callable[[], object]] | None:
        with self._lock.get():
            if self._closed or not threading.main_thread().is_alive():
                lane.waiting = {}
            if not lane.waiting:
                lane.threads -= 1
                return None
            key = next(iter(lane.waiting))
            self._under_way.add(key)
            return key, lane.waiting.pop(key)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or is under way."""
        return not any(lane.threads for lane in list(self._lanes.values()))

    def close(self, timeout: float = 60.0) -> None:
        """Take no more work, and wait for what is under way; seconds at the most."""
        self._closed = True
        until = time.monotonic() + timeout
        while not self.is_idle and time.monotonic() < until:
            time.sleep(0.005)
