"""The sandbox's time: move it instead of waiting."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from evergrant.clock import from_epoch_ms, utc_now

__all__ = ["RemoteClock", "SandboxClock"]


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

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move the clock (backwards, with negative numbers) and return the new moment."""
        with self._lock:
            self._ahead += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.now()


class RemoteClock:
    """The time of a sandbox in another process; call it for an aware moment in UTC.

    It asks the sandbox how far it is ahead of the real time, and reckons with that for a while:
    after an ``advance`` in the other process it may be behind for that long.

    Args:
        url: The sandbox's address.
        max_age: Seconds to reckon with one answer.
    """

    def __init__(self, url: str, *, max_age: float = 0.05) -> None:
        self._url = f"{url.rstrip('/')}/_sandbox/clock"
        self._max_age = max_age
        self._asked_at = float("-inf")
        self._ahead = timedelta(0)
        # No proxy stands between two processes of one machine, whatever the environment says.
        self._open = build_opener(ProxyHandler({})).open
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return the sandbox's present moment.

        Raises:
            ConnectionError: The sandbox does not answer.
        """
        with self._lock:
            if time.monotonic() - self._asked_at > self._max_age:
                self._ahead = self._ask() - utc_now()
                self._asked_at = time.monotonic()
            return utc_now() + self._ahead

    def _ask(self) -> datetime:
        try:
            with self._open(self._url, timeout=5) as answer:
                return from_epoch_ms(int(json.load(answer)["now"]))
        except (URLError, OSError, ValueError, LookupError, TypeError) as error:
            raise ConnectionError(f"no sandbox tells the time at {self._url}") from error
