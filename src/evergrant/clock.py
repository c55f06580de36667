"""The source of time: an injected clock, so that tests can move time instead of waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "RemoteClock", "from_epoch_ms", "to_epoch_ms", "utc_now"]

Clock = Callable[[], datetime]
"""Returns the current time as an aware datetime."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def to_epoch_ms(moment: datetime) -> int:
    """Return an aware datetime as milliseconds since 1970, exactly (without floats)."""
    return (moment - _EPOCH) // _MILLISECOND


def from_epoch_ms(milliseconds: int) -> datetime:
    """Return the aware datetime for milliseconds since 1970.

    Raises:
        OverflowError: The time is beyond what a datetime can hold.
    """
    return _EPOCH + milliseconds * _MILLISECOND


class RemoteClock:
    """The clock of a sandbox in another process; call it for an aware datetime in UTC.

    It asks the sandbox how far its time is ahead of the real time, and caches that: after an
    ``advance`` in the other process, this clock may be behind for ``max_age``.

    Args:
        url: The sandbox's address.
        max_age: How many seconds a response is used.
    """

    def __init__(self, url: str, *, max_age: float = 0.05) -> None:
        import json
        from urllib.request import ProxyHandler, build_opener

        self._url = f"{url.rstrip('/')}/_sandbox/clock"
        self._max_age = max_age
        self._asked_at = float("-inf")
        self._ahead = timedelta()
        # No proxy, whatever the environment says: the sandbox runs on this machine.
        self._read = json.load
        self._open = build_opener(ProxyHandler({})).open
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return the sandbox's current time.

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
                return from_epoch_ms(int(self._read(answer)["now"]))
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ConnectionError(f"no sandbox tells the time at {self._url}") from error
