"""A lock for file systems without locks: the process that creates a marker file holds it."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import NamedTuple, Self

__all__ = ["MarkerLock"]

ABANDONED_S = 30.0
"""Seconds, by the file system's clock, after which the creator of a marker is taken for dead."""

LOOK_AT_S = 0.5
"""Seconds of waiting after which the age of a marker is checked."""


class MarkerLock:
    """A lock among processes that needs only the exclusive creation of files.

    Args:
        path: The marker, which exists while a process holds the lock.
        timeout: Seconds to wait for the lock.

    Raises:
        OSError: The marker cannot be created; `acquire` may raise this.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self._path = Path(path)
        self._timeout = timeout
        self._name = b""

    def acquire(self, poll_interval: float) -> bool:
        """Wait for the lock; return True if it was acquired.

        Args:
            poll_interval: Seconds between two attempts.
        """
        began = time.monotonic()
        name = secrets.token_hex(8).encode()
        while not self._make(self._path, name):
            waited = time.monotonic() - began
            if waited > min(LOOK_AT_S, self._timeout) and self._remove_abandoned(name.decode()):
                continue
            if waited >= self._timeout:
                return False
            time.sleep(poll_interval)
        self._name = name
        return True

    def release(self) -> None:
        """Release the lock."""
        with suppress(FileNotFoundError):
            marker = _Marker.at(self._path)
            if marker.content == self._name:
                self._remove(marker, now=marker.made)

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
        """Remove the marker of a process that died; return True if the lock may be free now."""
        # Two hosts' clocks may differ. A file created now shows the file system's time.
        probe = self._path.with_name(f"{self._path.name}.{name}")
        self._make(probe, b"")
        try:
            now = probe.stat().st_mtime_ns
            marker = _Marker.at(self._path)
            return not marker.is_young(now) and self._remove(marker, now)
        except FileNotFoundError:
            return True  # it was given back
        finally:
            probe.unlink(missing_ok=True)

    def _remove(self, marker: _Marker, now: int) -> bool:
        """Remove exactly this marker; return False if another process is about to do that."""
        # If two processes find it abandoned, or given back late, only one may remove it: the other
        # would remove the next holder's marker. A process that dies with the right to remove it is
        # succeeded by the next one.
        rights: list[Path] = []
        for number in count():
            rights.append(self._path.with_name(f"{self._path.name}.{marker.digest()}-{number}"))
            if self._make(rights[-1], b""):
                break
            if _Marker.at(rights[-1]).is_young(now):
                return False
        try:
            if _Marker.at(self._path) == marker:
                self._path.unlink()
        finally:
            for right in rights:
                right.unlink(missing_ok=True)
        return True


class _Marker(NamedTuple):
    """Identifies a marker: its content, and when it was created (nanoseconds)."""

    content: bytes
    made: int

    @classmethod
    def at(cls, path: Path) -> Self:
        with path.open("rb") as file:
            return cls(file.read(), os.fstat(file.fileno()).st_mtime_ns)

    def is_young(self, now: int) -> bool:
        return now - self.made < ABANDONED_S * 1e9

    def digest(self) -> str:
        return sha256(repr(self).encode()).hexdigest()[:16]
