"""What SQLite's error codes mean to whoever keeps tokens in it."""

from __future__ import annotations

import sqlite3
from urllib.parse import unquote

from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.urls import url_of_file

__all__ = ["translate_error"]

_FAULTS: dict[int, tuple[str, bool, str]] = {
    sqlite3.SQLITE_READONLY: (
        "{store} is read-only: refreshed tokens could not be saved",
        False,
        "Make the file, its folder and its disk writable.",
    ),
    sqlite3.SQLITE_FULL: (
        "{store} cannot grow: the disk is full; nothing was saved",
        True,
        "Free some space.",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk failed under {store} ({code}); nothing was saved",
        True,
        "Check the disk, its free space and the process's limits.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "{store} is not a SQLite database; nothing was changed",
        False,
        "Name another file.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "{store} is damaged ({code})",
        False,
        "Restore a backup, or try: sqlite3 FILE .recover",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{store} cannot be opened ({code})",
        False,
        "Check that the file and its folder are there and writable.",
    ),
    sqlite3.SQLITE_PERM: ("{store} may not be used", False, "Check who owns the file."),
    sqlite3.SQLITE_CONSTRAINT: (
        "{store} does not take this row ({code}); nothing was saved",
        False,
        "Its table has rules that evergrant does not know.",
    ),
    sqlite3.SQLITE_ERROR: (
        "{store} is not as evergrant left it: a table or column is missing",
        False,
        "Was it changed by another program? Open the store again.",
    ),
}


def translate_error(error: sqlite3.Error, store: str, timeout: float) -> StoreError:
    """Return the error to raise in place of SQLite's, whose text could quote a stored value.

    Args:
        store: The store's URL.
        timeout: How long a lock was waited for, in seconds.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(
            f"{store} was locked by another program for {timeout:g} s; nothing was saved",
            hint="Try again, or find the program that holds it.",
        )
    text, retryable, hint = _FAULTS.get(
        code, ("SQLite cannot go on with {store} ({code})", False, "")
    )
    if code == sqlite3.SQLITE_NOTADB:
        suited = url_of_file(unquote(store.partition("///")[2]))
        hint = f"For this file: {suited}" if suited.startswith("file:") else hint
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StoreUnavailable(text.format(store=store, code=name), hint=hint, retryable=retryable)
