"""The one source of time: an injected clock, so that tests move time instead of waiting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "from_epoch_ms", "to_epoch_ms", "utc_now"]

Clock = Callable[[], datetime]
"""Answers the present moment as an aware datetime."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def to_epoch_ms(moment: datetime) -> int:
    """Return an aware moment as milliseconds since 1970, exactly (no float on the way)."""
    return (moment - _EPOCH) // _MILLISECOND


def from_epoch_ms(milliseconds: int) -> datetime:
    """Return the aware moment of milliseconds since 1970.

    Raises:
        OverflowError: The moment is beyond what a datetime holds.
    """
    return _EPOCH + milliseconds * _MILLISECOND
