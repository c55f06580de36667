"""What the errors of a Redis server mean to whoever keeps tokens in it."""

from __future__ import annotations

from typing import NamedTuple

from redis import exceptions

from evergrant.errors import StoreError, StoreUnavailable

__all__ = ["TROUBLE", "is_former_primary", "translate_error"]

TROUBLE = (exceptions.RedisError, exceptions.RedisClusterException, OSError)
"""What the client raises: its errors of clusters stand beside the others."""


class _Fault(NamedTuple):
    text: str
    hint: str
    retryable: bool = True


_GONE = _Fault(
    "{store} cannot be reached", "Check that the server runs, its address and the network between."
)
_LOGIN = _Fault("{store} refuses the login", "Check the user name and the password.", False)
_RIGHTS = _Fault(
    "the account lacks rights on {store}",
    "Grant it what docs/stores.md lists.",
    False,
)
_FULL = _Fault("{store} is full; nothing was saved", "Raise its maxmemory, or free some.")
_REPLICA = _Fault(
    "{store} is read-only: refreshed tokens could not be saved", "Name the primary server.", False
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
    "MISCONF": _Fault(
        "{store} cannot write to its disk and takes no change", "Free some space there."
    ),
    "LOADING": _Fault("{store} is starting", "Try again."),
    "BUSY": _Fault("{store} is busy with somebody's script", "Try again."),
    "MASTERDOWN": _GONE,
    "CLUSTERDOWN": _GONE,
    "TRYAGAIN": _Fault("{store} is moving its data", "Try again."),
    "NOREPLICAS": _Fault("{store} has too few replicas to take a change", "Try again."),
    "WRONGTYPE": _Fault(
        "another program has put something else into {store}",
        "Give evergrant a prefix of its own (?table=...).",
        False,
    ),
}


_NO_CLUSTER = _Fault("{store} is no cluster", "Name it with redis://.", False)

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
"""The client's own errors, whose texts lack the server's word."""


_AWAY = {"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS"}
"""What a server says that is not the primary, or cannot be: by now another one may be."""


def is_former_primary(error: Exception) -> bool:
    """Return True if another server may be the primary now; it took nothing of the failed call."""
    # So the client words a sentinel's READONLY.
    return _code(error) in _AWAY or "previous master" in str(error)


def _code(error: Exception) -> str | None:
    """Return the server's word for what went wrong."""
    said = str(error).replace(": ", " ").split()
    kinds = (_NAMES.get(kind.__name__) for kind in type(error).__mro__)
    if "executing the script" in str(error):  # so a server before 7.2 words a script's NOPERM
        said.append("NOPERM")
    return next(filter(None, (*kinds, *(word for word in said if word in _FAULTS))), None)


def translate_error(error: Exception, store: str, *, was_writable: bool = False) -> StoreError:
    """Return the error to raise in place of the client's, whose text could quote a value.

    Args:
        store: The store's URL.
        was_writable: The store took changes before.
    """
    is_cluster = isinstance(error, exceptions.RedisClusterException)
    if is_cluster and isinstance(error.__cause__, exceptions.RedisError):
        error = error.__cause__
    code = _code(error)
    gone = is_cluster or isinstance(
        error, exceptions.ConnectionError | exceptions.TimeoutError | OSError
    )
    unknown = _GONE if gone else _Fault("{store} cannot go on", "The server's own log says more.")
    if "Cluster mode is not enabled" in str(error):
        unknown = _NO_CLUSTER
    meaning = _FAULTS.get(code or "", unknown)
    if meaning is _REPLICA and was_writable:
        meaning = _DEMOTED
    why = code or type(error).__name__
    return StoreUnavailable(
        f"{meaning.text.format(store=store)} ({why})",
        hint=meaning.hint,
        retryable=meaning.retryable,
    )
