"""When a token may be handed out, and when it should be refreshed ahead of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self
from zlib import crc32

from evergrant.token import EXPIRY_LEEWAY, REFRESH_AHEAD, Token

__all__ = [
    "CLOCK_SLACK",
    "MAX_MIN_TTL",
    "NO_MINIMUM",
    "ValidToken",
    "Validity",
    "is_stale",
    "is_usable",
    "validate_min_ttl",
]

NO_MINIMUM = timedelta(0)

MAX_MIN_TTL = timedelta(minutes=50)
"""The longest remaining lifetime that a caller may require. Zoho's access tokens live one hour
(https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html), and may be refreshed ten times
in ten minutes: a caller that required the whole hour would use that up in ten calls."""

SPREAD = timedelta(minutes=1)
"""Tokens that expire together are refreshed over this time, not all at once."""

CLOCK_SLACK = timedelta(minutes=10)
"""How far the clocks of hosts may differ before a token counts as saved in the future."""

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def validate_min_ttl(min_ttl: timedelta) -> timedelta:
    """Return a remaining lifetime that may be required.

    Raises:
        ValueError: It is negative, or longer than `MAX_MIN_TTL`.
    """
    if not NO_MINIMUM <= min_ttl <= MAX_MIN_TTL:
        raise ValueError(f"min_ttl must be between 0 and {MAX_MIN_TTL}, not {min_ttl}")
    return min_ttl


@dataclass(frozen=True, slots=True)
class Validity:
    """The times of one token, computed once for many calls.

    Attributes:
        not_before: Before this moment it was not even saved: the clock has gone back since, and
            the expiry, by the same clock, means nothing.
        refresh_at: From now on it is worth refreshing, while callers continue to use it.
        not_after: From now on it is not handed out.
        expires: When Zoho ends it.
    """

    not_before: datetime
    refresh_at: datetime
    not_after: datetime
    expires: datetime

    @classmethod
    def of(cls, token: Token) -> Self:
        """Return the validity of a token; it is empty without an access token."""
        opens = token.updated_at - CLOCK_SLACK if token.updated_at else _FIRST
        if not token.access_token:
            return cls(opens, _FIRST, _FIRST, _FIRST)
        refreshable = bool(token.refresh_token)
        if token.expires_at is None:
            # Its expiry is unknown. It may well work; a new one surely does.
            return cls(opens, _FIRST if refreshable else _LAST, _LAST, _LAST)
        share = crc32((token.id or "").encode()) / 2**32
        due = token.expires_at - REFRESH_AHEAD + share * SPREAD if refreshable else _LAST
        return cls(opens, due, token.expires_at - EXPIRY_LEEWAY, token.expires_at)

    def limited_to(self, *, not_after: datetime | None, refresh_at: datetime | None) -> Validity:
        """Return a validity that ends, and wants a refresh, at these moments or before."""
        return replace(
            self,
            not_after=min(self.not_after, not_after or _LAST),
            refresh_at=min(self.refresh_at, refresh_at or _LAST),
        )

    def covers(self, now: datetime, min_ttl: timedelta = NO_MINIMUM) -> bool:
        """Return True if the token may be handed out, and remains valid for ``min_ttl``."""
        return self.not_before <= now < self.not_after and (
            not min_ttl or min_ttl <= self.expires - now
        )

    def needs_refresh(self, now: datetime) -> bool:
        """Return True if the token is worth refreshing."""
        return now >= self.refresh_at


class ValidToken(NamedTuple):
    """A token that was just read or refreshed, and its times."""

    token: Token
    validity: Validity

    @classmethod
    def of(cls, token: Token) -> Self:
        """Return a token with the validity that is its own."""
        return cls(token, Validity.of(token))


def is_usable(token: Token, now: datetime, min_ttl: timedelta = NO_MINIMUM) -> bool:
    """Return True if an access token may be handed out, and remains valid for ``min_ttl``."""
    return Validity.of(token).covers(now, min_ttl)


def is_stale(token: Token, now: datetime) -> bool:
    """Return True if a token is worth refreshing: it is in its last minutes, or over."""
    return Validity.of(token).needs_refresh(now)
