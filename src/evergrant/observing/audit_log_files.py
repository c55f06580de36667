"""The files of an audit log: locking, reading the last entry, finding rotated files."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from evergrant.observing.hash_chain import Head, parse_entry

__all__ = ["count_missing", "find_last_entry", "lock", "rotated_files"]

TAIL_BYTES = 65_536
"""How much of a file's end is read first to find its last lines."""


def lock(handle: int, seconds: float) -> None:
    """Lock a file; raise BlockingIOError if it stays locked for ``seconds``."""
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
    """Return the head of the last whole entry, or None, and the torn bytes after it."""
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
    """Return how many events are known to be missing in a file, and the time of the last gap.

    Raises:
        OSError: The file cannot be read.
    """
    missing, last = 0, ""
    with path.open("rb") as file:
        for line in file:
            # Parse only the few lines that can report a gap.
            if b'"missed"' not in line and b'"EventsLost"' not in line:
                continue
            entry = parse_entry(line) or {}
            lost = entry.get("count") if entry.get("event") == "EventsLost" else 0
            if count := sum(one for one in (lost, entry.get("missed")) if isinstance(one, int)):
                missing, last = missing + count, str(entry.get("at", ""))
    return missing, last


def rotated_files(path: Path) -> list[Path]:
    """Return the uncompressed rotated files beside a log, oldest first.

    Their names begin with the log's name: ``audit.log.1``, ``audit.log-20260102``.
    """
    older = [
        one
        for one in path.parent.glob(f"{_escape_glob(path.name)}[.-][0-9]*")
        if one.suffix not in {".gz", ".bz2", ".xz", ".zst"}
    ]
    return sorted(older, key=lambda one: one.stat().st_mtime)


def _escape_glob(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
