"""What the errors of MySQL and PostgreSQL mean to a program that keeps tokens in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.faults import Fault

__all__ = [
    "ConnectionLost",
    "Demoted",
    "DuplicateKey",
    "SerializationFailure",
    "UnfitError",
    "is_misfit",
    "locked_error",
    "read_only_error",
    "retry_on_contention",
    "torn_error",
    "translate_error",
]


ATTEMPTS = 5
"""How often a change is tried that the database breaks off in another's favour (a deadlock)."""

T = TypeVar("T")


class ConnectionLost(StoreUnavailable):
    """The server went away, or closed the connection; a new connection may work."""


class Demoted(ConnectionLost):
    """The server takes no changes: it is not the primary, but another one may be by now."""


class SerializationFailure(StoreUnavailable):
    """Another writer was in the way; the transaction was rolled back and can be tried again."""


class TableChanged(ConnectionLost, SerializationFailure):
    """The table's columns have changed since the connection was opened; a new one may work."""


class UnfitError(StoreError):
    """The column, or the database's character set, cannot hold a value."""


class DuplicateKey(StoreUnavailable):
    """Another row has this key already."""


_LOGIN = Fault("{store} refuses the login ({code})", "Check the user name, the password and TLS.")
_DATABASE = Fault("there is no database at {store} ({code})", "Create it, or name another one.")
_RIGHTS = Fault(
    "the account lacks rights on {store}; nothing was changed ({code})",
    "Grant it SELECT, INSERT, UPDATE and DELETE on the table of tokens, and, to let evergrant "
    "set up its own, CREATE, ALTER and INDEX.",
)
_CHANGED = Fault(
    "{store} is not as evergrant left it: a table or column is missing ({code})",
    "Was it changed by another program? Open the store again.",
)
_VALUE = Fault(
    "the table of {store} cannot hold one of the values; nothing was saved ({code})",
    "Widen the column, or give it another character set (utf8mb4, UTF8).",
    kind=UnfitError,
)
_RULES = Fault(
    "{store} does not take this row; nothing was saved ({code})",
    "Its table has rules that evergrant does not know.",
)
_TAKEN = _RULES._replace(kind=DuplicateKey)
_READ_ONLY = Fault(
    "{store} is read-only: refreshed tokens could not be saved ({code})",
    "Name the primary server, or make it writable.",
    kind=Demoted,
)
_DEMOTED = _READ_ONLY._replace(
    hint="It took changes before: after a fail-over, try again. Else make it writable.",
    retryable=True,
)
_FULL = Fault("{store} cannot grow: its disk is full ({code})", "Free some space.", retryable=True)
_BUSY = Fault(
    "{store} has no free connection ({code})",
    "Try again, or raise the server's limit.",
    retryable=True,
)
_CONTENDED = Fault(
    "another program was in the way in {store}; nothing was saved ({code})",
    "Try again.",
    retryable=True,
    kind=SerializationFailure,
)
_LOCKED = Fault(
    "{store} was locked by another program for too long; nothing was saved ({code})",
    "Try again, or find the program that holds it.",
    retryable=True,
)
_GONE = Fault(
    "{store} cannot be reached ({code})",
    "Check that the server runs, its address and the network between.",
    retryable=True,
)
_LOST = Fault(
    "the connection to {store} was lost ({code})",
    "Try again.",
    retryable=True,
    kind=ConnectionLost,
)

_ALTERED = Fault(
    "the table of {store} was altered at the same time, or is a kind of table that evergrant "
    "cannot use; nothing was saved ({code})",
    "Try again.",
    retryable=True,
    kind=TableChanged,
)

_SLOW = Fault(
    "{store} did not answer in time, or another program holds a lock; nothing was saved ({code})",
    "Try again, or find the program that holds it.",
    retryable=True,
)
_MIXED_UP = Fault(
    "{store} is behind a pooler, which mixes up prepared statements ({code})",
    "Leave prepare_threshold out of the URL, or name the server itself.",
)
_TORN = Fault(
    "{store} returned the result of another statement; nothing was changed ({code})",
    "Try again. A pooler that mixes up statements does this: see docs/stores.md.",
    retryable=True,
)
_NO_TRANSACTIONS = Fault(
    "{store} is a pooler that allows no transactions ({code})",
    "Let it pool by transaction or session (pool_mode).",
)

_FAULTS: dict[int | str, Fault] = {
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
    **dict.fromkeys((1020, 1213, 3101), _CONTENDED),
    **dict.fromkeys((1047, 1053, 1158, 1159, 1160, 1161, 1184, 1927, 3100, 3168, 4031), _LOST),
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
    **dict.fromkeys(("57P01", "57P02", "57P03", "57P04", "57P05"), _LOST),
    **dict.fromkeys(("08000", "08001", "08003", "08004", "08006"), _LOST),
    **dict.fromkeys(("57014",), _SLOW),
    **dict.fromkeys(("26000", "42P05"), _MIXED_UP),
}

_CONNECT_ERRORS = (
    (re.compile(r'database "[^"]*" does not exist|no such database'), _DATABASE),
    (
        re.compile(
            r"authentication failed|pg_hba\.conf|role .* does not exist|password|no such user"
        ),
        _LOGIN,
    ),
    (re.compile(r"too many (clients|connections)|connection slots|no more connections"), _BUSY),
)
"""For a connection that was refused, libpq and poolers give no code, only a text."""

_MISFIT = re.compile(r"invalid [\w ]*value|unsupported startup parameter")
_MISFITS = (1064, 1115, 1193, 1231, 1273)
_STATEMENT_MODE = "transaction blocks not allowed in statement pooling mode"


def is_misfit(error: BaseException) -> bool:
    """Return True if a connection was refused because of one of its own parameters."""
    return _code(error) in _MISFITS or bool(_MISFIT.search(str(error)))


def retry_on_contention(change: Callable[[], T]) -> T:
    """Make a change; try again after a deadlock, and once on another server."""
    moved = False
    for _ in range(ATTEMPTS - 1):
        try:
            return change()
        except SerializationFailure:
            pass
        except Demoted:
            if moved:
                raise
            moved = True
    return change()


def torn_error(store: str) -> StoreError:
    """Return the error to raise if a result cannot belong to the statement."""
    return _TORN.error(store, "not what was asked for")


def locked_error(store: str) -> StoreError:
    """Return the error to raise when another writer did not finish in time."""
    return _LOCKED.error(store, "waited in vain")


def read_only_error(store: str) -> StoreError:
    """Return the error to raise when a store that was opened read-only is to be changed."""
    return _READ_ONLY.error(store, "it was opened so")


def translate_error(
    error: BaseException,
    store: str,
    *,
    lost: bool = False,
    connecting: bool = False,
    was_writable: bool = False,
) -> StoreError:
    """Return the error to raise in place of a driver's, whose text could quote a stored value.

    Args:
        store: The store's URL.
        lost: The connection is gone.
        connecting: It happened while connecting, so that its text is only about the server.
        was_writable: The store has accepted changes before.
    """
    code = _code(error)
    text = " ".join(str(part) for part in error.args if isinstance(part, str))
    meaning = _FAULTS.get(code)
    if connecting:
        at_the_door = (found for pattern, found in _CONNECT_ERRORS if pattern.search(text))
        meaning = meaning or next(at_the_door, _GONE)
    elif _STATEMENT_MODE in text:
        meaning = _NO_TRANSACTIONS
    elif lost:
        meaning = _LOST
    elif meaning is _READ_ONLY and was_writable:
        meaning = _DEMOTED
    meaning = meaning or Fault("{store} cannot go on ({code})", "The server's own log says more.")
    return meaning.error(store, " ".join(text.split()) if connecting else code)


def _code(error: BaseException) -> int | str:
    number = error.args[0] if error.args else None
    if isinstance(number, int):
        return number  # MySQL's; its drivers also give a state, which says less
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state or type(error).__name__
