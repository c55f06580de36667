"""Jitter: when the scheduler refreshes each token, spread evenly whenever they were granted.

A token is refreshed in the middle of its lifetime, so that no caller notices an accounts server
that is down for almost the other half. Its id gives it a slot of its own in an interval of half
an hour: tokens that were saved at the same moment, or by an app that began with ten thousand of
them, are refreshed one after another from the first interval on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zlib import crc32

from evergrant._core.validity import CLOCK_SLACK
from evergrant._oauth.protocol import ACCESS_TOKEN_LIFE
from evergrant.token import Token

__all__ = ["REFRESH_INTERVAL", "is_due", "refresh_at"]

REFRESH_INTERVAL = ACCESS_TOKEN_LIFE / 2

GOLDEN_RATIO = (5**0.5 - 1) / 2
"""The fractions of its multiples lie as evenly as possible, however many there are: consecutive
ids share the interval evenly, where random phases would leave crowds and gaps."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def refresh_at(token: Token) -> datetime | None:
    """Return when the scheduler refreshes a token, or None if it cannot."""
    if not token.refresh_token:
        return None
    if not token.access_token or not token.expires_at:
        return _EPOCH
    granted = token.updated_at or token.expires_at - ACCESS_TOKEN_LIFE
    life = token.expires_at - granted
    if life < REFRESH_INTERVAL * 1.5:
        # Saved late in its lifetime: no whole interval is left to choose from.
        return granted + life / 2 * _jitter(token.id)
    latest = token.expires_at - REFRESH_INTERVAL
    return latest - (latest - _EPOCH - REFRESH_INTERVAL * _jitter(token.id)) % REFRESH_INTERVAL


def is_due(token: Token, now: datetime) -> bool:
    """Return True if it is time to refresh a token."""
    at = refresh_at(token)
    if at is not None and token.updated_at and token.updated_at > now + CLOCK_SLACK:
        return True  # saved by a fast clock: its expiry means nothing
    return at is not None and now >= at


def _jitter(id_: str | None) -> float:
    """Return a token's place in the interval, between 0 and 1."""
    text = id_ or ""
    if text.isascii() and text.isdigit():
        return int(text) * GOLDEN_RATIO % 1
    return crc32(text.encode()) / 2**32
