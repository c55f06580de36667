"""Lets only one thread of one process at a time write a token file."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import StoreUnavailable
from evergrant.stores.file.marker_lock import MarkerLock

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["WriterLock"]

_logger = RateLimitedLog()

POLL_S = 0.002
"""Seconds between two looks at a lock that another process holds."""

LONGEST_TURN_S = 0.05
"""Seconds for which a process may keep writing without a pause."""


class WriterLock:
    """A lock among threads, and a lock file among processes.

    Args:
        path: The token file; the lock file is beside it.
        timeout: Seconds to wait for another process.

    Attributes:
        path: The lock file.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self.path = f"{path}.lock"
        self._written = path
        self._timeout = timeout
        self._threads = threading.RLock()
        self._processes: FileLock | MarkerLock | None = None
        self._busy_since = self._released = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreUnavailable: Another process held the lock all the time.
            OSError: The lock file cannot be used.
        """
        with self._threads:
            self._yield_to_others()
            processes = self._processes = self._processes or self._chosen()
            if not self._is_acquired(processes):
                raise StoreUnavailable(
                    f"{self._written} was locked by another program for {self._timeout:g} s; "
                    "nothing was saved",
                    hint="Try again, or find the program that holds the lock.",
                )
            try:
                yield
            finally:
                processes.release()
                self._released = time.monotonic()

    def _is_acquired(self, processes: FileLock | MarkerLock) -> bool:
        from filelock import Timeout

        try:
            return bool(processes.acquire(poll_interval=POLL_S))
        except Timeout:
            return False

    def _chosen(self) -> FileLock | MarkerLock:
        """Return the file system's lock, or one made of files if it has none."""
        from filelock import FileLock

        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(self.path, flags, 0o600)
        try:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                _logger.warning(
                    "%s: its file system has no locks (%s), so a marker file is used as the lock",
                    self._written,
                    error.strerror,
                )
                return MarkerLock(f"{self.path}.held", self._timeout)
        finally:
            os.close(handle)
        return FileLock(self.path, self._timeout, mode=mode, thread_local=False)

    def _yield_to_others(self) -> None:
        # Other processes poll for the lock. A process that takes it again and again without a
        # pause would keep them out all that time.
        now = time.monotonic()
        if now - self._released > POLL_S:
            self._busy_since = now
        elif now - self._busy_since > LONGEST_TURN_S:
            time.sleep(2 * POLL_S)
            self._busy_since = time.monotonic()
