"""Timestamps of a row that lie in the future, and what counts in their place."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.clock import Clock
from evergrant.errors import EvergrantError
from evergrant.token import Token

__all__ = ["Timestamps"]

_logger = RateLimitedLog()

SLACK = timedelta(minutes=1)
"""How far the clocks of hosts that agree may differ."""

ASK_AGAIN_S = 60.0
"""Seconds between two reads of the storage's clock."""

MAX_MOMENTS = 100_000
"""Future timestamps that a process remembers."""


class _Compared(NamedTuple):
    """Our clock at a monotonic moment, and how far the storage's clock was ahead of it."""

    local: datetime
    at: float
    ahead: timedelta


class Timestamps:
    """A timestamp in the future counts as of when it was first seen; safe to share between threads.

    It must be stored so, too: once that time has come, it looks like any other. If the storage
    has a clock and by it the timestamp is past, our clock is behind, and the storage's counts.

    Args:
        storage_time: Returns the storage's time, or None if it has no clock of its own.
    """

    def __init__(self, clock: Clock, storage_time: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._storage_time = storage_time
        self._compared: _Compared | None = None
        self._ask_at = 0.0
        self._seen: dict[tuple[str, datetime], datetime] = {}

    def now(self) -> datetime:
        """Return the present moment by the clock that the users of the storage share."""
        local, compared = self._clock(), self._compared
        if compared is None:
            return local
        if abs(compared.local + timedelta(seconds=time.monotonic() - compared.at) - local) > SLACK:
            self._compared, self._ask_at = None, 0.0  # our clock was set since
            return local
        return local + compared.ahead

    def past(self, token: Token, moment: datetime | None) -> datetime | None:
        """Return a timestamp of a token, or when it was first seen if it is in the future."""
        if moment is None or moment <= self.now():
            return moment
        if moment > self.now() + SLACK:
            self._compare(moment)
        now = self.now()
        if moment <= now + SLACK:
            return min(moment, now)
        if len(self._seen) >= MAX_MOMENTS:
            self._seen = {}
        # Not later than now: our own clock may have gone back since.
        return min(self._seen.setdefault((token.id or "", moment), now), now)

    def without_future(self, token: Token) -> Token | None:
        """Return the token to store without future timestamps, or None if it has none."""
        ahead: dict[str, Any] = {
            name: past
            for name in ("created_at", "last_used_at")
            if (moment := getattr(token, name))
            and moment > self.now() + SLACK
            and (past := self.past(token, moment))
            and past < moment - SLACK
        }
        return replace(token, **ahead) if ahead else None

    def _compare(self, moment: datetime) -> None:
        """Find out whether our clock is behind the storage's, at most once a minute."""
        if time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + ASK_AGAIN_S
        try:
            theirs = self._storage_time()
        except EvergrantError:
            return
        if theirs is None or theirs + SLACK < moment:
            self._compared = None
            return
        local = self._clock()
        self._compared = compared = _Compared(local, time.monotonic(), theirs - local)
        _logger.warning(
            "the clock of this host is %s behind that of its store: policies go by the store's. "
            "Set the clock (NTP)",
            timedelta(seconds=round(compared.ahead.total_seconds())),
        )
