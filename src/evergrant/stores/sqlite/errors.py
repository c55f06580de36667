"""What SQLite's error codes mean to a program that keeps tokens in it."""

from __future__ import annotations

import sqlite3
from urllib.parse import unquote

from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.faults import Fault
from evergrant.stores.urls import url_of_file

__all__ = ["translate_error"]

_FAULTS = {
    sqlite3.SQLITE_READONLY: Fault(
        "{store} is read-only: refreshed tokens could not be saved",
        "Make the file, its folder and its disk writable.",
    ),
    sqlite3.SQLITE_FULL: Fault(
        "{store} cannot grow: the disk is full; nothing was saved",
        "Free some space.",
        retryable=True,
    ),
    sqlite3.SQLITE_IOERR: Fault(
        "the disk failed under {store} ({code}); nothing was saved",
        "Check the disk, its free space and the process's limits.",
        retryable=True,
    ),
    sqlite3.SQLITE_NOTADB: Fault(
        "{store} is not a SQLite database; nothing was changed", "Name another file."
    ),
    sqlite3.SQLITE_CORRUPT: Fault(
        "{store} is damaged ({code})", "Restore a backup, or try: sqlite3 FILE .recover"
    ),
    sqlite3.SQLITE_CANTOPEN: Fault(
        "{store} cannot be opened ({code})",
        "Check that the file and its folder are there and writable.",
    ),
    sqlite3.SQLITE_PERM: Fault("{store} may not be used", "Check who owns the file."),
    sqlite3.SQLITE_CONSTRAINT: Fault(
        "{store} does not take this row ({code}); nothing was saved",
        "Its table has rules that evergrant does not know.",
    ),
    sqlite3.SQLITE_ERROR: Fault(
        "{store} is not as evergrant left it: a table or column is missing",
        "Was it changed by another program? Open the store again.",
    ),
}


_UNKNOWN = Fault("SQLite cannot go on with {store} ({code})", hint="")


def translate_error(error: sqlite3.Error, store: str, timeout: float) -> StoreError:
    """Return the error to raise in place of SQLite's, whose text could quote a stored value.

    Args:
        store: The store's URL.
        timeout: Seconds that a lock was waited for.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(
            f"{store} was locked by another program for {timeout:g} s; nothing was saved",
            hint="Try again, or find the program that holds it.",
        )
    fault = _FAULTS.get(code, _UNKNOWN)
    if code == sqlite3.SQLITE_NOTADB:
        suited = url_of_file(unquote(store.partition("///")[2]))
        if suited.startswith("file:"):
            fault = fault._replace(hint=f"For this file: {suited}")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return fault.error(store, name)
