"""The files of a SQLite store: created for their owner only, and never opened by us.

Only SQLite may open an existing database file. POSIX drops all of a process's locks on a file
when any descriptor of it is closed: one harmless look inside would unlock the database.
"""

from __future__ import annotations

import os

from evergrant._files import secure_files

__all__ = ["identity", "refuse_planted", "tighten"]


def tighten(path: str) -> None:
    """Take away what others may do with the database's files, where they are ours."""
    real = os.path.realpath(path)
    secure_files.restrict_permissions(real, f"{real}-wal", f"{real}-shm")


def refuse_planted(path: str) -> None:
    """Refuse a database whose files others could have planted, or can change.

    Raises:
        StoreUnavailable: One is another account's, everybody may write to it, or it is a link.
    """
    real = os.path.realpath(path)
    secure_files.require_not_planted(path, f"{real}-wal", f"{real}-shm", f"{real}-journal")


def identity(path: str) -> tuple[int, int] | None:
    """Return what tells the file at this path from another one that takes its place."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path costs as much again, on every save
    except OSError:
        return None
    return found.st_dev, found.st_ino
