"""When a scheduler refreshes each token: all of them evenly, whenever they were granted.

A token is refreshed at half of its life, so that the accounts server may be down for almost as
long as the other half and nobody notices. It has a slot of its own in a cycle of half an hour, by
its id: tokens that were saved at the same moment, or by an app that began with ten thousand of
them, are asked for one after the other from the first cycle on.
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
"""Its multiples, without their whole parts, lie as evenly as numbers can, however many they are:
consecutive ids share the cycle evenly, where random phases would leave crowds and gaps."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def refresh_at(token: Token) -> datetime | None:
    """Return from when on a scheduler refreshes a token; None: it cannot."""
    if not token.refresh_token:
        return None
    if not token.access_token or not token.expires_at:
        return _EPOCH
    granted = token.updated_at or token.expires_at - ACCESS_TOKEN_LIFE
    life = token.expires_at - granted
    if life < REFRESH_INTERVAL * 1.5:
        # Saved late in its life: there is no whole cycle to choose from.
        return granted + life / 2 * _jitter(token.id)
    latest = token.expires_at - REFRESH_INTERVAL
    return latest - (latest - _EPOCH - REFRESH_INTERVAL * _jitter(token.id)) % REFRESH_INTERVAL


def is_due(token: Token, now: datetime) -> bool:
    """Return True if a token's slot has come."""
    at = refresh_at(token)
    if at is not None and token.updated_at and token.updated_at > now + CLOCK_SLACK:
        return True  # saved by a clock ahead of ours: its expiry means nothing
    return at is not None and now >= at


def _jitter(id_: str | None) -> float:
    """Return a token's place in the cycle, between 0 and 1."""
    text = id_ or ""
    if text.isascii() and text.isdigit():
        return int(text) * GOLDEN_RATIO % 1
    return crc32(text.encode()) / 2**32
