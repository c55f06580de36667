"""Clock skew: tokens that other hosts save, with their times translated to our own clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evergrant._oauth.protocol import ACCESS_TOKEN_LIFE
from evergrant.clock import Clock
from evergrant.events import ClockSkew, Listener
from evergrant.token import EXPIRY_LEEWAY, Token, identify

__all__ = ["ObservedSaves"]

SLACK = timedelta(minutes=1)
"""How far the clocks of two hosts may differ before the other's times are translated."""

MAX_TOKENS = 100_000
"""Tokens that a process remembers."""

TELL_EVERY_S = 600.0
"""Seconds between two `ClockSkew` events."""


@dataclass(frozen=True, slots=True)
class _ObservedSave:
    """A row as it was last read, when, and its times by our clock."""

    token: Token
    looked: datetime
    times: tuple[datetime, datetime] | None = None


class ObservedSaves:
    """The tokens that this process has seen; safe to share between threads."""

    def __init__(self, clock: Clock, emit: Listener) -> None:
        self._clock = clock
        self._emit = emit
        self._seen: dict[str, _ObservedSave] = {}
        self._tell_at = 0.0

    def record_own(self, token: Token) -> Token:
        """Note a token that this process has saved itself; return it."""
        self._keep(_ObservedSave(token, self._clock()))
        return token

    def observe(self, stored: Token) -> Token:
        """Return a stored token with its expiry by our own clock.

        One that was saved since the last read is as fresh as that read, whatever the clock of the
        host that saved it said.
        """
        before, now = self._seen.get(stored.id or ""), self._clock()
        times = None
        if before and before.token.access_token == stored.access_token:
            if before.times and (stored.updated_at, stored.expires_at) == before.times:
                return stored  # it went through here before
            # Another expiry of the same access token: its grant has ended, and a process noted it.
            times = before.times if before.token.expires_at == stored.expires_at else None
        elif before and before.looked <= now and _was_saved_since(before.token, stored):
            times = self._read(stored, before.looked, now)
        self._keep(_ObservedSave(stored, now, times))
        if times is None:
            return stored
        return replace(stored, updated_at=times[0], expires_at=times[1])

    def as_stored(self, token: Token) -> Token:
        """Return a token that went through `observe` as it stands in the store."""
        known = self._seen.get(token.id or "")
        if known and known.times and (token.updated_at, token.expires_at) == known.times:
            before = known.token
            return replace(token, updated_at=before.updated_at, expires_at=before.expires_at)
        return token

    def _read(
        self, stored: Token, looked: datetime, now: datetime
    ) -> tuple[datetime, datetime] | None:
        """Return when a token was saved and expires by our clock, or None if its own times do."""
        if stored.expires_at is None:
            return None
        saved = stored.updated_at or stored.expires_at - ACCESS_TOKEN_LIFE
        life = min(stored.expires_at - saved, ACCESS_TOKEN_LIFE)
        difference = saved - now if saved > now else min(saved - looked, timedelta(0))
        if life <= EXPIRY_LEEWAY or abs(difference) <= SLACK:
            return None
        if time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + TELL_EVERY_S
            seconds = difference.total_seconds()
            self._emit(ClockSkew(at=now, seconds=seconds, **identify(stored)))
        return looked, looked + life

    def _keep(self, seen: _ObservedSave) -> None:
        if len(self._seen) >= MAX_TOKENS:
            self._seen = {}
        self._seen[seen.token.id or ""] = seen


def _was_saved_since(before: Token, stored: Token) -> bool:
    """Return True if a row is a later one: not one of a backup, nor one without versions."""
    return stored.version > before.version
