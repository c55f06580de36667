"""When a token may be handed out, and when its user should not have to wait for the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from zlib import crc32

from evergrant.token import LEEWAY, RENEW_BEFORE, Token

__all__ = [
    "ANY_LIFE",
    "CLOCK_SLACK",
    "MOST_LIFE",
    "Window",
    "checked_life",
    "is_stale",
    "is_usable",
]

ANY_LIFE = timedelta(0)

MOST_LIFE = timedelta(minutes=50)
"""The longest remaining life that a caller may ask for. Zoho's access tokens live one hour
(https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html), and may be renewed ten times
in ten minutes: who asked for all of the hour would use that up in ten calls."""

SPREAD = timedelta(minutes=1)
"""Tokens that expire together are renewed over this time, not all at once."""

CLOCK_SLACK = timedelta(minutes=10)
"""How far the clocks of hosts may differ before a token counts as saved in the future."""

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def checked_life(min_life: timedelta) -> timedelta:
    """Return a remaining life that may be asked for.

    Raises:
        ValueError: It is negative, or longer than `MOST_LIFE`.
    """
    if not ANY_LIFE <= min_life <= MOST_LIFE:
        raise ValueError(f"min_life must be between 0 and {MOST_LIFE}, not {min_life}")
    return min_life


@dataclass(frozen=True, slots=True)
class Window:
    """The times of one token, worked out once for the many calls that ask.

    Attributes:
        opens: Before this moment it was not even saved: the clock has gone back since, and the
            expiry, by the same clock, means nothing.
        due: From now on it is worth renewing, while everybody goes on with it.
        closes: From now on it is not handed out.
        expires: When Zoho ends it.
    """

    opens: datetime
    due: datetime
    closes: datetime
    expires: datetime

    @classmethod
    def of(cls, token: Token) -> Self:
        """Return the window of a token; one without an access token has none."""
        opens = token.updated_at - CLOCK_SLACK if token.updated_at else _FIRST
        if not token.access_token:
            return cls(opens, _FIRST, _FIRST, _FIRST)
        renewable = bool(token.refresh_token)
        if token.expires_at is None:
            # Nobody noted when it ends. It may well work; a new one surely does.
            return cls(opens, _FIRST if renewable else _LAST, _LAST, _LAST)
        share = crc32((token.id or "").encode()) / 2**32
        due = token.expires_at - RENEW_BEFORE + share * SPREAD if renewable else _LAST
        return cls(opens, due, token.expires_at - LEEWAY, token.expires_at)

    def cut(self, *, closes: datetime | None, due: datetime | None) -> Window:
        """Return a window that closes, and has something due, at these moments or before."""
        return replace(
            self, closes=min(self.closes, closes or _LAST), due=min(self.due, due or _LAST)
        )

    def is_open(self, now: datetime, min_life: timedelta = ANY_LIFE) -> bool:
        """Say whether the token may be handed out to one who wants this much life of it."""
        return self.opens <= now < self.closes and (not min_life or min_life <= self.expires - now)

    def is_due(self, now: datetime) -> bool:
        """Say whether the token is worth renewing."""
        return now >= self.due


def is_usable(token: Token, now: datetime, min_life: timedelta = ANY_LIFE) -> bool:
    """Say whether an access token may be handed out to one who wants this much life of it."""
    return Window.of(token).is_open(now, min_life)


def is_stale(token: Token, now: datetime) -> bool:
    """Say whether a token is in its last minutes: valid, and worth renewing."""
    return Window.of(token).is_due(now)
