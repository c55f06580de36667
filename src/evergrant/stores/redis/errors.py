"""What the errors of a Redis server mean to a program that keeps tokens in it."""

from __future__ import annotations

from redis import exceptions

from evergrant.errors import StoreError
from evergrant.stores.faults import Fault

__all__ = ["TROUBLE", "is_former_primary", "translate_error"]

TROUBLE = (exceptions.RedisError, exceptions.RedisClusterException, OSError)
"""All errors of the client; those of clusters have a base class of their own."""


_GONE = Fault(
    "{store} cannot be reached ({code})",
    "Check that the server runs, its address and the network between.",
    retryable=True,
)
_LOGIN = Fault("{store} refuses the login ({code})", "Check the user name and the password.")
_RIGHTS = Fault(
    "the account lacks rights on {store} ({code})", "Grant it what docs/stores.md lists."
)
_FULL = Fault(
    "{store} is full; nothing was saved ({code})",
    "Raise its maxmemory, or free some.",
    retryable=True,
)
_REPLICA = Fault(
    "{store} is read-only: refreshed tokens could not be saved ({code})", "Name the primary server."
)
_DEMOTED = _REPLICA._replace(
    hint="It took changes before: after a fail-over, try again. Else name the primary server.",
    retryable=True,
)
_FAULTS = {
    "NOAUTH": _LOGIN,
    "WRONGPASS": _LOGIN,
    "NOPERM": _RIGHTS,
    "OOM": _FULL,
    "READONLY": _REPLICA,
    "MISCONF": Fault(
        "{store} cannot write to its disk and takes no change ({code})",
        "Free some space there.",
        retryable=True,
    ),
    "LOADING": Fault("{store} is starting ({code})", "Try again.", retryable=True),
    "BUSY": Fault(
        "{store} is busy with another program's script ({code})", "Try again.", retryable=True
    ),
    "MASTERDOWN": _GONE,
    "CLUSTERDOWN": _GONE,
    "TRYAGAIN": Fault("{store} is moving its data ({code})", "Try again.", retryable=True),
    "NOREPLICAS": Fault(
        "{store} has too few replicas to take a change ({code})", "Try again.", retryable=True
    ),
    "WRONGTYPE": Fault(
        "another program has put something else into {store} ({code})",
        "Give evergrant a prefix of its own (?table=...).",
    ),
}


_NO_CLUSTER = Fault("{store} is no cluster ({code})", "Name it with redis://.")

_NAMES = {
    "AuthenticationError": "NOAUTH",
    "AuthenticationWrongNumberOfArgsError": "NOAUTH",
    "BusyLoadingError": "LOADING",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
    "NoPermissionError": "NOPERM",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
}
"""The client's own errors, whose texts lack the server's code."""


_AWAY = {"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS"}
"""Codes of a server that is not, or cannot be, the primary; another server may be by now."""


def is_former_primary(error: Exception) -> bool:
    """Return True if another server may be the primary now; the failed call changed nothing."""
    # "previous master" is the client's wording of a sentinel's READONLY.
    return _code(error) in _AWAY or "previous master" in str(error)


def _code(error: Exception) -> str | None:
    """Return the server's code for an error, or None."""
    said = str(error).replace(": ", " ").split()
    kinds = (_NAMES.get(kind.__name__) for kind in type(error).__mro__)
    if "executing the script" in str(error):  # a script's NOPERM, before version 7.2
        said.append("NOPERM")
    return next(filter(None, (*kinds, *(word for word in said if word in _FAULTS))), None)


def translate_error(error: Exception, store: str, *, was_writable: bool = False) -> StoreError:
    """Return the error to raise in place of the client's, whose text could quote a value.

    Args:
        store: The store's URL.
        was_writable: The store has accepted changes before.
    """
    is_cluster = isinstance(error, exceptions.RedisClusterException)
    if is_cluster and isinstance(error.__cause__, exceptions.RedisError):
        error = error.__cause__
    code = _code(error)
    gone = is_cluster or isinstance(
        error, exceptions.ConnectionError | exceptions.TimeoutError | OSError
    )
    unknown = (
        _GONE
        if gone
        else Fault(
            "{store} cannot go on ({code})", "The server's own log says more.", retryable=True
        )
    )
    if "Cluster mode is not enabled" in str(error):
        unknown = _NO_CLUSTER
    meaning = _FAULTS.get(code or "", unknown)
    if meaning is _REPLICA and was_writable:
        meaning = _DEMOTED
    return meaning.error(store, code or type(error).__name__)
