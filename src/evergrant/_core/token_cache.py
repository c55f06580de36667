"""The tokens that a process has cached, valid while the store says that nothing has changed."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass

from evergrant._core.validity import Validity
from evergrant.token import Token

__all__ = ["Entry", "TokenCache"]

UNTRACKED_TTL_S = 1.0
"""Seconds that a token is trusted where the store cannot tell whether it has changed."""

MAX_ENTRIES = 100_000
"""Beyond this many the cache is emptied: it must not grow for as long as the process lives."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A token, and when it may be handed out."""

    token: Token
    validity: Validity
    counter: int | None
    trusted_until: float


class TokenCache:
    """Tokens by the name they were asked for; safe to share between threads."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, Entry] = {}

    def get(self, user: Hashable, counter: int | None) -> Entry | None:
        """Return a user's token if the store's change counter is still at this number."""
        entry = self._entries.get(user)
        if entry is None or entry.counter != counter:
            return None
        if counter is None and time.monotonic() >= entry.trusted_until:
            return None
        return entry

    def get_stale(self, user: Hashable) -> Entry | None:
        """Return a user's token as last seen, whatever has happened to it since."""
        return self._entries.get(user)

    def put(
        self,
        user: Hashable,
        token: Token,
        counter: int | None,
        read_at: float | None = None,
        *,
        validity: Validity | None = None,
    ) -> None:
        """Keep a token that was read when the store's change counter was at this number.

        Args:
            read_at: The earliest moment of that read, in monotonic seconds; else just now.
            validity: When it may be handed out, if not by its own times.
        """
        if len(self._entries) >= MAX_ENTRIES:
            self.clear()
        until = (time.monotonic() if read_at is None else read_at) + UNTRACKED_TTL_S
        self._entries[user] = Entry(token, validity or Validity.of(token), counter, until)

    def drop(self, user: Hashable) -> None:
        """Forget a user's token: the API rejected it."""
        self._entries.pop(user, None)

    def clear(self) -> None:
        """Forget everything: a token was deleted."""
        self._entries = {}
