"""A small disk that can be full, and free again, under processes that write to it."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

__all__ = ["SmallDisk", "small_disk"]


class SmallDisk(Protocol):
    """What can be full.

    Attributes:
        what: How that is done.
    """

    what: str

    def fill(self, pids: Iterable[int]) -> None:
        """Leave no room, at least to these processes."""

    def free(self, pids: Iterable[int]) -> None:
        """Make room."""


class Mounted:
    """A file system of its own, in memory."""

    what = "tmpfs"

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, pids: Iterable[int]) -> None:
        """Leave no room for anybody."""
        with self._ballast.open("wb", buffering=0) as ballast:
            for size in (4096, 1):
                with suppress(OSError):
                    while ballast.write(bytes(size)):
                        pass

    def free(self, pids: Iterable[int]) -> None:
        """Make room for all."""
        self._ballast.unlink(missing_ok=True)


class Limited:
    """Where nothing may be mounted: the system lets processes write no further in any file."""

    what = "file size limit"

    def fill(self, pids: Iterable[int]) -> None:
        """Let no file of these processes grow."""
        self._limit(pids, 1)

    def free(self, pids: Iterable[int]) -> None:
        """Let them grow again."""
        self._limit(pids, resource.RLIM_INFINITY)

    def _limit(self, pids: Iterable[int], size: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


@contextmanager
def small_disk(folder: Path, mebibytes: int = 8) -> Iterator[SmallDisk]:
    """Have a small disk in a new folder, or, where that is not allowed, what is most like it.

    A log of SQLite's has 4 MiB before its beginning is used again.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield Limited()
        return
    try:
        yield Mounted(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
