"""The tokens a process has at hand, for as long as the store says that nothing has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from evergrant._core.validity import Validity
from evergrant.token import Token

__all__ = ["Entry", "TokenCache"]

UNTRACKED_TTL = 1.0
"""Seconds that a token is trusted where the store cannot tell whether it was changed."""

MAX_ENTRIES = 100_000
"""Beyond this many the cache starts anew: it must not grow for as long as the process lives."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A token, and when it may be handed out."""

    token: Token
    validity: Validity
    generation: int | None
    trusted_until: float


class TokenCache:
    """Tokens by the name they were asked for; safe to share between threads.

    Args:
        window: Says when a token may be handed out.
    """

    def __init__(self, validity: Callable[[Token], Validity] = Validity.of) -> None:
        self._validity = validity
        self._entries: dict[Hashable, Entry] = {}

    def get(self, user: Hashable, generation: int | None) -> Entry | None:
        """Return a user's token if the store is still at this generation."""
        entry = self._entries.get(user)
        if entry is None or entry.generation != generation:
            return None
        if generation is None and time.monotonic() >= entry.trusted_until:
            return None
        return entry

    def get_stale(self, user: Hashable) -> Entry | None:
        """Return a user's token as last seen, whatever has happened to it since."""
        return self._entries.get(user)

    def put(
        self, user: Hashable, token: Token, generation: int | None, read_at: float | None = None
    ) -> None:
        """Keep a token that was read when the store was at this generation.

        Args:
            read_at: When that was, at the earliest, on the monotonic clock; else just now.
        """
        if len(self._entries) >= MAX_ENTRIES:
            self.clear()
        until = (time.monotonic() if read_at is None else read_at) + UNTRACKED_TTL
        self._entries[user] = Entry(token, self._validity(token), generation, until)

    def drop(self, user: Hashable) -> None:
        """Forget a user's token: the API rejected it."""
        self._entries.pop(user, None)

    def clear(self) -> None:
        """Forget everything: a token was deleted."""
        self._entries = {}
