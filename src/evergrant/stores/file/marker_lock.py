"""A lock for file systems that have none: whoever makes a file has it."""

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
        """Remove the marker of whoever has died; say whether there may be none now."""
        # Two hosts' clocks may differ: a file that is made now tells what the file system's says.
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
        """Remove a marker, and no other; false if somebody else is about to."""
        # Of two who find it abandoned, or given back late, one has the right to remove it: the
        # other would remove the next holder's. Who died with that right is followed by the next.
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
    """What tells a marker from any other: its content, and when it was made (nanoseconds)."""

    content: bytes
    made: int

    @classmethod
    def at(cls, path: Path) -> Self:
        with path.open("rb") as file:
            return cls(file.read(), os.fstat(file.fileno()).st_mtime_ns)

    def is_young(self, now: int) -> bool:
        return now - self.made < ABANDONED * 1e9

    def digest(self) -> str:
        return sha256(repr(self).encode()).hexdigest()[:16]
