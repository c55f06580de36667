"""A lock for file systems that have none: whoever makes a file has it."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["MarkerLock"]

ABANDONED = 30.0
"""Seconds, by the file system's own clock, after which a marker's maker has died."""

LOOK_AT = 0.5
"""Seconds of waiting after which a marker's age is looked at."""


class MarkerLock:
    """A lock among processes that needs nothing but files made exclusively.

    Args:
        path: The marker; it is there while somebody holds the lock.
        timeout: How long to wait for it, in seconds.

    Raises:
        OSError: The marker cannot be made; `acquire` may.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self._path = Path(path)
        self._timeout = timeout
        self._name = b""

    def acquire(self, poll_interval: float) -> bool:
        """Wait for the lock, looking so often (seconds); say whether it is ours."""
        began = time.monotonic()
        name = secrets.token_hex(8).encode()
        while not self._make(self._path, name):
            waited = time.monotonic() - began
            if waited > min(LOOK_AT, self._timeout) and self._remove_abandoned(name.decode()):
                continue
            if waited >= self._timeout:
                return False
            time.sleep(poll_interval)
        self._name = name
        return True

    def release(self) -> None:
        """Let others have it."""
        with suppress(FileNotFoundError):
            if self._path.read_bytes() == self._name:
                self._path.unlink()

    def _make(self, path: Path, content: bytes) -> bool:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        try:
            handle = os.open(path, flags, 0o600)
        except FileExistsError:
            return False
        try:
            os.write(handle, content)
        finally:
            os.close(handle)
        return True

    def _remove_abandoned(self, name: str) -> bool:
        # Two hosts' clocks may differ: a file that is made now tells what the file system's says.
        probe = self._path.with_name(f"{self._path.name}.{name}")
        self._make(probe, b"")
        try:
            held = self._path.stat()
            if probe.stat().st_mtime - held.st_mtime < ABANDONED:
                return False
            # Moved away, not removed: of two who do so, one finds it gone.
            self._path.replace(probe)
            if probe.stat().st_ino != held.st_ino:  # another's, made in this moment
                probe.replace(self._path)
                return False
        except FileNotFoundError:
            return True  # it was given back
        finally:
            probe.unlink(missing_ok=True)
        return True
