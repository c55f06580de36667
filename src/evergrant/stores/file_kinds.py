"""Tells which kind of store a file is, without harm to a database that this process has open."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

__all__ = ["is_csv", "is_sqlite"]


def is_sqlite(path: str) -> bool:
    """Return True if a file is a SQLite database that is not empty.

    SQLite itself opens the file. If this process opened and closed it, POSIX would end all of the
    process's locks on it; another process would then think that the database is not in use, and
    remove its log with the commits in it.
    """
    import sqlite3

    try:
        if not (Path(path).is_file() and Path(path).stat().st_size and os.access(path, os.R_OK)):
            return False
    except (OSError, ValueError):  # no file, or no name of one
        return False
    target = f"file:{quote(os.fsencode(Path(path).absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(target, timeout=0, uri=True)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        # A locked database, or one without its log, is a SQLite database too.
        return getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_NOTADB
    return True


def is_csv(path: str) -> bool:
    """Return True if a file is a CSV token file, by its content or else by its name."""
    if is_sqlite(path):
        return False
    try:
        with Path(path).open("rb") as file:
            return file.read(3) == b"id," or path.lower().endswith(".csv")
    except (OSError, ValueError):
        return path.lower().endswith(".csv")
