"""Notes that all users of a store share, or this process alone while the store takes none."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from evergrant._fork import ProcessLock
from evergrant.errors import StoreUnavailable
from evergrant.stores.base import TokenStore

__all__ = ["SharedNotes"]

MAX_KEPT = 10_000
"""Notes that a process remembers while the store does not answer."""


class SharedNotes:
    """Short texts for all processes that share a store; safe to share between threads."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._lock = ProcessLock()
        self._kept: dict[str, str] = {}

    def read(self, kind: str, about: str) -> str:
        """Return a note as it is now; arguments as of `update`."""
        key = _key(kind, about)
        try:
            return self._store.get_note(key)
        except StoreUnavailable:
            return self._kept.get(key, "")

    def update(self, kind: str, about: str, change: Callable[[str], str], *, life: float) -> str:
        """Replace a note; see `TokenStore.update_note`. What ``change`` raises passes through.

        Args:
            kind: What sort of note it is.
            about: What it is about: a secret may be, since only its fingerprint is kept.
        """
        key = _key(kind, about)
        try:
            text = self._store.update_note(key, change, life=life)
        except StoreUnavailable:
            # What cannot be shared is at least known here: a full disk must not keep users from
            # their tokens.
            with self._lock.get():
                return self._keep(key, change(self._kept.get(key, "")))
        return self._keep(key, text)

    def _keep(self, key: str, text: str) -> str:
        if len(self._kept) >= MAX_KEPT:
            self._kept = {}
        self._kept[key] = text
        return text


def _key(kind: str, about: str) -> str:
    return f"{kind}:{sha256(str.encode(about, errors='surrogatepass')).hexdigest()[:32]}"
