"""What the errors of MySQL and PostgreSQL mean to whoever keeps tokens in them."""

from __future__ import annotations

import re
from typing import NamedTuple

from evergrant.errors import StoreError, StoreUnavailable

__all__ = ["ConnectionLost", "Contended", "Taken", "UnfitError", "explained", "locked", "read_only"]


class ConnectionLost(StoreUnavailable):
    """The server went away, or closed the connection; a new one may do."""


class Contended(StoreUnavailable):
    """Another writer was in the way; the transaction was undone and can be begun again."""


class Altered(ConnectionLost, Contended):
    """The table has other columns than when the connection got ready for it; a new one may do."""


class UnfitError(StoreError):
    """The column, or the database's character set, cannot hold a value."""


class Taken(StoreUnavailable):
    """Another row has this key already."""


class _Meaning(NamedTuple):
    text: str
    hint: str
    retryable: bool = False
    kind: type[StoreError] = StoreUnavailable

    def error(self, store: str, why: int | str) -> StoreError:
        message = f"{self.text.format(store=store)} ({why})"
        return self.kind(message, hint=self.hint, retryable=self.retryable)


_LOGIN = _Meaning("{store} refuses the login", "Check the user name, the password and TLS.")
_DATABASE = _Meaning("there is no database at {store}", "Create it, or name another one.")
_RIGHTS = _Meaning(
    "the account lacks rights on {store}; nothing was changed",
    "Grant it SELECT, INSERT, UPDATE and DELETE on the table of tokens, and, to let evergrant "
    "set up its own, CREATE, ALTER and INDEX.",
)
_CHANGED = _Meaning(
    "{store} is not as evergrant left it: a table or column is missing",
    "Was it changed by another program? Open the store again.",
)
_VALUE = _Meaning(
    "the table of {store} cannot hold one of the values; nothing was saved",
    "Widen the column, or give it another character set (utf8mb4, UTF8).",
    kind=UnfitError,
)
_RULES = _Meaning(
    "{store} does not take this row; nothing was saved",
    "Its table has rules that evergrant does not know.",
)
_TAKEN = _RULES._replace(kind=Taken)
_READ_ONLY = _Meaning(
    "{store} is read-only: refreshed tokens could not be saved",
    "Name the primary server, or make it writable.",
)
_FULL = _Meaning("{store} cannot grow: its disk is full", "Free some space.", retryable=True)
_BUSY = _Meaning(
    "{store} has no connection left for us",
    "Try again, or raise the server's limit.",
    retryable=True,
)
_CONTENDED = _Meaning(
    "another program was in the way in {store}; nothing was saved",
    "Try again.",
    retryable=True,
    kind=Contended,
)
_LOCKED = _Meaning(
    "{store} was locked by another program for too long; nothing was saved",
    "Try again, or find the program that holds it.",
    retryable=True,
)
_GONE = _Meaning(
    "{store} cannot be reached",
    "Check that the server runs, its address and the network between.",
    retryable=True,
)
_LOST = _Meaning(
    "the connection to {store} was lost",
    "Try again.",
    retryable=True,
    kind=ConnectionLost,
)

_ALTERED = _Meaning(
    "the table of {store} was altered meanwhile, or is a kind of table that evergrant cannot use; "
    "nothing was saved",
    "Try again.",
    retryable=True,
    kind=Altered,
)

_MEANINGS: dict[int | str, _Meaning] = {
    # https://mariadb.com/kb/en/mariadb-error-code-reference/
    **dict.fromkeys((1045, 1130, 1698, 1820, 1862, 2061), _LOGIN),
    **dict.fromkeys((1049,), _DATABASE),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370), _RIGHTS),
    **dict.fromkeys((1054, 1146), _CHANGED),
    **dict.fromkeys((1264, 1265, 1267, 1366, 1406), _VALUE),
    **dict.fromkeys((1048, 1364, 1452, 3819, 4025), _RULES),
    **dict.fromkeys((1062,), _TAKEN),
    **dict.fromkeys((1036, 1290, 1792, 1836), _READ_ONLY),
    **dict.fromkeys((1021, 1114), _FULL),
    **dict.fromkeys((1040, 1203, 1226), _BUSY),
    **dict.fromkeys((1020, 1213), _CONTENDED),
    **dict.fromkeys((1205,), _LOCKED),
    **dict.fromkeys((2002, 2003, 2005), _GONE),
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    **dict.fromkeys(("28000", "28P01"), _LOGIN),
    **dict.fromkeys(("3D000",), _DATABASE),
    **dict.fromkeys(("42501", "3F000"), _RIGHTS),
    **dict.fromkeys(("42703", "42P01"), _CHANGED),
    **dict.fromkeys(("22001", "22003", "22021", "22P05"), _VALUE),
    **dict.fromkeys(("23502", "23503", "23514"), _RULES),
    **dict.fromkeys(("23505",), _TAKEN),
    **dict.fromkeys(("25006",), _READ_ONLY),
    **dict.fromkeys(("53100", "53200"), _FULL),
    **dict.fromkeys(("53300",), _BUSY),
    **dict.fromkeys(("40001", "40P01"), _CONTENDED),
    **dict.fromkeys(("0A000",), _ALTERED),  # "cached plan must not change result type"
    **dict.fromkeys(("55P03",), _LOCKED),
    **dict.fromkeys(("57P01", "57P02", "57P03"), _GONE),
}

_AT_THE_DOOR = (
    (re.compile(r'database "[^"]*" does not exist'), _DATABASE),
    (re.compile(r"authentication failed|pg_hba\.conf|role .* does not exist|password"), _LOGIN),
    (re.compile(r"too many (clients|connections)|connection slots"), _BUSY),
)
"""libpq gives no code for a connection that was refused, only a text."""


def locked(store: str) -> StoreError:
    """Return the error to raise when another writer did not finish in time."""
    return _LOCKED.error(store, "waited in vain")


def read_only(store: str) -> StoreError:
    """Return the error to raise where a store that was opened to read is to be changed."""
    return _READ_ONLY.error(store, "it was opened so")


def explained(
    error: BaseException, store: str, *, lost: bool = False, connecting: bool = False
) -> StoreError:
    """Return the error to raise in place of a driver's, whose text could quote a stored value.

    Args:
        store: The store's URL.
        lost: The connection is gone.
        connecting: It happened before anything was asked: the text speaks of the server only.
    """
    code = _code(error)
    text = " ".join(str(part) for part in error.args if isinstance(part, str))
    meaning = _MEANINGS.get(code)
    if connecting:
        at_the_door = (found for pattern, found in _AT_THE_DOOR if pattern.search(text))
        meaning = meaning or next(at_the_door, _GONE)
    elif lost:
        meaning = _LOST
    meaning = meaning or _Meaning("{store} cannot go on", "The server's own log says more.")
    return meaning.error(store, " ".join(text.split()) if connecting else code)


def _code(error: BaseException) -> int | str:
    number = error.args[0] if error.args else None
    if isinstance(number, int):
        return number  # MySQL's; its drivers give a state too, which says less
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state or type(error).__name__
