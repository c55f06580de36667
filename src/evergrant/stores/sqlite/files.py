"""The files of a SQLite store: created for their owner only, and opened by nothing but SQLite.

POSIX drops all of a process's locks on a file when any descriptor of the file is closed. If
evergrant opened an existing database only to look inside, that would unlock it.
"""

from __future__ import annotations

import os

from evergrant._files import secure_files

__all__ = ["identity", "refuse_planted", "tighten"]


def tighten(path: str) -> None:
    """Remove other accounts' rights on the database's files, if this account owns them."""
    real = os.path.realpath(path)
    secure_files.restrict_permissions(real, f"{real}-wal", f"{real}-shm")


def refuse_planted(path: str) -> None:
    """Refuse a database whose files another account could have planted, or can change.

    Raises:
        StoreUnavailable: A file belongs to another account, is writable for everyone, or is a link.
    """
    real = os.path.realpath(path)
    secure_files.require_not_planted(path, f"{real}-wal", f"{real}-shm", f"{real}-journal")


def identity(path: str) -> tuple[int, int] | None:
    """Return the identity of the file at this path, which differs if it is replaced."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path takes twice as long, on every save
    except OSError:
        return None
    return found.st_dev, found.st_ino
