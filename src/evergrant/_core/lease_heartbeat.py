"""Extends leases while a slow refresh is running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from evergrant._concurrency.offload import MAX_CALL_TIME_S
from evergrant._fork import PerProcess, ProcessLock
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import EvergrantError
from evergrant.stores.leases import Lease

__all__ = ["LEASE_TTL_S", "MAX_REFRESH_TIME_S", "LeaseHeartbeat"]

_logger = RateLimitedLog()

LEASE_TTL_S = 15.0
"""Seconds that a lease runs: other processes wait so long for one that was killed or stopped."""

EXTEND_EVERY_S = 3.0
"""Seconds between two extensions; a busy machine may be late with several of them."""

MAX_REFRESH_TIME_S = MAX_CALL_TIME_S
"""Seconds that one refresh may take; after that, another process may try."""


@dataclass(slots=True)
class _Beat:
    """The leases to extend, each with when it began, and the thread that extends them."""

    since: dict[Lease, float] = field(default_factory=dict)
    thread: threading.Thread | None = None


class LeaseHeartbeat:
    """Extends leases every 3 s, for at most 60 s, in one thread per process; safe to share."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        # A forked child inherits neither the thread nor the right to these leases.
        self._beats = PerProcess(_Beat)

    @contextmanager
    def extending(self, lease: Lease) -> Iterator[None]:
        """Keep a lease while the ``with`` block runs."""
        beat, problem = self._beats.get(), None
        try:
            with self._lock.get():
                beat.since[lease] = time.monotonic()
                # By the thread itself: an interrupt may end its start at any moment.
                if beat.thread is None or not beat.thread.is_alive():
                    problem = self._begin(beat)
            if problem:
                _logger.warning("leases are not extended: %s", problem)
            yield
        finally:
            with self._lock.get():
                beat.since.pop(lease, None)

    def _begin(self, beat: _Beat) -> RuntimeError | None:
        """Begin the thread; return why there can be none, or None."""
        thread = threading.Thread(
            target=self._run, args=[beat], name="evergrant-heartbeat", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter is ending, or there are too many threads
            return error
        beat.thread = thread
        return None

    def _run(self, beat: _Beat) -> None:
        while True:
            time.sleep(EXTEND_EVERY_S)
            with self._lock.get():
                if not beat.since:
                    beat.thread = None
                    return
                now = time.monotonic()
                due = [
                    lease
                    for lease, at in beat.since.items()
                    if EXTEND_EVERY_S <= now - at <= MAX_REFRESH_TIME_S
                ]
            for lease in due:
                try:
                    lease.extend()
                except EvergrantError as error:
                    _logger.warning("a lease was not extended: %s", error)
