"""The files of a SQLite store: created for their owner only, and never opened by us.

Only SQLite may open an existing database file. POSIX drops all of a process's locks on a file
when any descriptor of it is closed: one harmless look inside would unlock the database.
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from evergrant.errors import StoreUnavailable
from evergrant.forking import ProcessLock

__all__ = ["identity", "make_ready", "tighten"]

_logger = logging.getLogger("evergrant")
_creating = ProcessLock()


def make_ready(path: str) -> None:
    """Make sure that there is a file that SQLite can open and write, and its folder.

    Raises:
        StoreUnavailable: There is not, and the message says why.
    """
    folder = Path(path).parent
    try:
        _make_folder(folder)
        # Created before SQLite can: from the first byte on it is nobody else's to read.
        with _creating:
            _create(path)
        kind = Path(path).stat().st_mode
    except OSError as error:
        raise _unusable(path, f"{error.strerror}: {error.filename}") from None
    if stat.S_ISDIR(kind):
        raise _unusable(path, "it is a folder", "Name a file in it.")
    if not stat.S_ISREG(kind):
        raise _unusable(path, "it is not a regular file")
    for place in (path, folder):
        if not os.access(place, os.R_OK | os.W_OK):
            raise _unusable(
                path,
                f"{place} is not writable, so that refreshed tokens could not be saved",
                "Make the file and its folder writable for this user.",
            )


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _create(path: str) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _unusable(path: str, why: str, hint: str = "Name another file.") -> StoreUnavailable:
    return StoreUnavailable(
        f"the token store {path} cannot be used: {why}", hint=hint, retryable=False
    )


def tighten(path: str) -> None:
    """Take away what others may do with the database's files, where they are ours."""
    real = os.path.realpath(path)
    exposed = [file for file in map(Path, (real, f"{real}-wal", f"{real}-shm")) if _is_open(file)]
    for file in exposed:
        file.chmod(stat.S_IMODE(file.stat().st_mode) & ~0o077)
    if exposed:
        names = ", ".join(file.name for file in exposed)
        _logger.warning("others could read %s of %s: now only its owner can", names, path)


def _is_open(file: Path) -> bool:
    try:
        found = file.stat()
    except FileNotFoundError:
        return False
    return found.st_uid == os.geteuid() and bool(found.st_mode & 0o077)


def identity(path: str) -> tuple[int, int] | None:
    """Return what tells the file at this path from another one that takes its place."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path costs as much again, on every save
    except OSError:
        return None
    return found.st_dev, found.st_ino
