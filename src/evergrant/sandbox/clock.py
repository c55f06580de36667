"""The sandbox's time: move it instead of waiting."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from evergrant.clock import utc_now

__all__ = ["SandboxClock"]


class SandboxClock:
    """A clock that can be moved; call it, or its `now`, for an aware moment in UTC.

    It starts at the real time and runs with it. Safe to share between threads.

    Args:
        start: Where to begin (aware) instead of at the real time.
        frozen: Let time pass only by `advance`.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        begun = utc_now()
        self._stands_at = begun if frozen else None
        self._ahead = timedelta(0) if start is None else start - begun
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the sandbox's present moment."""
        return (self._stands_at or datetime.now(UTC)) + self._ahead

    __call__ = now

    @property
    def ahead_s(self) -> float:
        """Seconds that it is ahead of the real time, or of where it began if it is frozen."""
        return self._ahead.total_seconds()

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move the clock (backwards, with negative numbers) and return the new moment."""
        with self._lock:
            self._ahead += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.now()
