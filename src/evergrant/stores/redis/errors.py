"""What the errors of a Redis server mean to whoever keeps tokens in it."""

from __future__ import annotations

from typing import NamedTuple

from redis import exceptions

from evergrant.errors import StoreError, StoreUnavailable

__all__ = ["explained"]


class _Meaning(NamedTuple):
    text: str
    hint: str
    retryable: bool = True


_GONE = _Meaning(
    "{store} cannot be reached", "Check that the server runs, its address and the network between."
)
_LOGIN = _Meaning("{store} refuses the login", "Check the user name and the password.", False)
_RIGHTS = _Meaning(
    "the account lacks rights on {store}",
    "Grant it what docs/stores.md lists.",
    False,
)
_FULL = _Meaning("{store} is full; nothing was saved", "Raise its maxmemory, or free some.")
_REPLICA = _Meaning(
    "{store} is read-only: refreshed tokens could not be saved", "Name the primary server.", False
)
_MEANINGS = {
    "NOAUTH": _LOGIN,
    "WRONGPASS": _LOGIN,
    "NOPERM": _RIGHTS,
    "OOM": _FULL,
    "READONLY": _REPLICA,
    "MISCONF": _Meaning(
        "{store} cannot write to its disk and takes no change", "Free some space there."
    ),
    "LOADING": _Meaning("{store} is starting", "Try again."),
    "BUSY": _Meaning("{store} is busy with somebody's script", "Try again."),
    "MASTERDOWN": _GONE,
    "CLUSTERDOWN": _GONE,
    "TRYAGAIN": _Meaning("{store} is moving its data", "Try again."),
    "NOREPLICAS": _Meaning("{store} has too few replicas to take a change", "Try again."),
    "WRONGTYPE": _Meaning(
        "another program has put something else into {store}",
        "Give evergrant a prefix of its own (?table=...).",
        False,
    ),
}


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


def explained(error: Exception, store: str) -> StoreError:
    """Return the error to raise in place of the client's, whose text could quote a value."""
    said = str(error).replace(": ", " ").split()
    kinds = (_NAMES.get(kind.__name__) for kind in type(error).__mro__)
    if "executing the script" in str(error):  # so a server before 7.2 words a script's NOPERM
        said.append("NOPERM")
    code = next(filter(None, (*kinds, *(word for word in said if word in _MEANINGS))), None)
    gone = isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError | OSError)
    unknown = _GONE if gone else _Meaning("{store} cannot go on", "The server's own log says more.")
    meaning = _MEANINGS.get(code or "", unknown)
    why = code or type(error).__name__
    return StoreUnavailable(
        f"{meaning.text.format(store=store)} ({why})",
        hint=meaning.hint,
        retryable=meaning.retryable,
    )
