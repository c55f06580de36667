"""Extends leases while a slow refresh is running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from evergrant._concurrency.offload import MAX_CALL_TIME
from evergrant._fork import ProcessLock, this_process
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import EvergrantError
from evergrant.stores.leases import Lease

__all__ = ["LEASE_TTL", "MAX_REFRESH_TIME", "LeaseHeartbeat"]

_logger = RateLimitedLog()

LEASE_TTL = 15.0
"""Seconds that a lease runs: other processes wait so long for one that was killed or stopped."""

EXTEND_EVERY = 3.0
"""Seconds between two extensions; a busy machine may be late with several of them."""

MAX_REFRESH_TIME = MAX_CALL_TIME
"""Seconds that one refresh may take; after that, another process may try."""


class LeaseHeartbeat:
    """Extends leases every 3 s, for at most 60 s, in one thread per process; safe to share."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._process = this_process()
        self._since: dict[Lease, float] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def extending(self, lease: Lease) -> Iterator[None]:
        """Keep a lease while the ``with`` block runs."""
        try:
            with self._lock.get():
                if self._process != this_process():
                    # A forked child inherits neither the thread nor the right to these leases.
                    self._process, self._since, self._thread = this_process(), {}, None
                self._since[lease] = time.monotonic()
                # By the thread itself: an interrupt may end its start at any moment.
                if self._thread is None or not self._thread.is_alive():
                    self._begin()
            yield
        finally:
            with self._lock.get():
                self._since.pop(lease, None)

    def _begin(self) -> None:
        thread = threading.Thread(target=self._run, name="evergrant-heartbeat", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter is ending, or there are too many threads
            _logger.warning("leases are not extended: %s", error)
        else:
            self._thread = thread

    def _run(self) -> None:
        while True:
            time.sleep(EXTEND_EVERY)
            with self._lock.get():
                if not self._since:
                    self._thread = None
                    return
                now = time.monotonic()
                due = [
                    lease
                    for lease, at in self._since.items()
                    if EXTEND_EVERY <= now - at <= MAX_REFRESH_TIME
                ]
            for lease in due:
                try:
                    lease.extend()
                except EvergrantError as error:
                    _logger.warning("a lease was not extended: %s", error)
