"""The files of an audit log: locked for a writer, read from their end, rotated side by side."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from evergrant.observing.hash_chain import Head, parse_entry

__all__ = ["count_missing", "find_last_entry", "lock", "rotated_files"]

TAIL_BYTES = 65_536
"""Bytes at the end of a file in which its last lines are looked for first."""


def lock(handle: int, seconds: float) -> None:
    """Lock a file; raise BlockingIOError if another process keeps it for so many seconds."""
    until, pause = time.monotonic() + seconds, 0.001
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 0.01)
        else:
            return


def find_last_entry(handle: int) -> tuple[Head | None, bytes]:
    """Return the last whole entry's head (None: there is none), and what is torn after it."""
    size = os.fstat(handle).st_size
    span = TAIL_BYTES
    while True:
        start = max(0, size - span)
        lines = os.pread(handle, size - start, start).splitlines(keepends=True)
        for index in range(len(lines) - 1, -1 if start == 0 else 0, -1):
            line = lines[index]
            entry = parse_entry(line) if line.endswith(b"\n") else None
            if entry:
                return Head(entry["seq"], entry["hash"]), b"".join(lines[index + 1 :])
        if start == 0:
            return None, b"".join(lines)
        span *= 16


def count_missing(path: Path) -> tuple[int, str]:
    """Return how many events are known to be missing from a file, and when one was last.

    Raises:
        OSError: It cannot be read.
    """
    missing, last = 0, ""
    with path.open("rb") as file:
        for line in file:
            # Few lines are worth the reading.
            if b'"missed"' not in line and b'"EventsLost"' not in line:
                continue
            entry = parse_entry(line) or {}
            lost = entry.get("count") if entry.get("event") == "EventsLost" else 0
            if count := sum(one for one in (lost, entry.get("missed")) if isinstance(one, int)):
                missing, last = missing + count, str(entry.get("at", ""))
    return missing, last


def rotated_files(path: Path) -> list[Path]:
    """Return what was rotated away from a file and lies beside it, uncompressed; the oldest first.

    It has the file's name in front: ``audit.log.1``, ``audit.log-20260102``.
    """
    older = [
        one
        for one in path.parent.glob(f"{_escape_glob(path.name)}[.-][0-9]*")
        if one.suffix not in {".gz", ".bz2", ".xz", ".zst"}
    ]
    return sorted(older, key=lambda one: one.stat().st_mtime)


def _escape_glob(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
