"""Moments that a token's row tells: none of them can be in the future, whoever's clock says so."""

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

ASK_AGAIN = 60.0
"""Seconds between two questions what the storage's clock says."""

MOST = 100_000
"""Moments in the future that a process remembers to have seen."""


class _Compared(NamedTuple):
    """What our clock said at a moment of the monotonic one, and how far the storage's is ahead."""

    local: datetime
    at: float
    ahead: timedelta


class Timestamps:
    """What lies in the future counts as of when it was first seen; safe to share between threads.

    It is to be stored so, too: once the future has come, nobody could tell any more. Where the
    storage has a clock that says it is no future, ours is behind, and we go by that one.

    Args:
        storage_time: Tells the storage's time; None: it has none of its own.
    """

    def __init__(self, clock: Clock, storage_time: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._storage_time = storage_time
        self._compared: _Compared | None = None
        self._ask_at = 0.0
        self._seen: dict[tuple[str, datetime], datetime] = {}

    def now(self) -> datetime:
        """Return the present moment, as those who share the storage have it."""
        local, compared = self._clock(), self._compared
        if compared is None:
            return local
        if abs(compared.local + timedelta(seconds=time.monotonic() - compared.at) - local) > SLACK:
            self._compared, self._ask_at = None, 0.0  # somebody has set our clock since
            return local
        return local + compared.ahead

    def past(self, token: Token, moment: datetime | None) -> datetime | None:
        """Return one of a token's moments, or when it was first seen to be in the future."""
        if moment is None or moment <= self.now():
            return moment
        if moment > self.now() + SLACK:
            self._compare(moment)
        now = self.now()
        if moment <= now + SLACK:
            return min(moment, now)
        if len(self._seen) >= MOST:
            self._seen = {}
        # Not later than now: our own clock may have gone back since.
        return min(self._seen.setdefault((token.id or "", moment), now), now)

    def without_future(self, token: Token) -> Token | None:
        """Return a token without such a future, to be stored; None: it has none."""
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
        """Learn whether it is our clock that is behind, if that was not asked a moment ago."""
        if time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + ASK_AGAIN
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
