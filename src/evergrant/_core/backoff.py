"""Back-off: which tokens are not refreshed again after a failure, and for how long."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from evergrant._core.rate_limiter import REFUSAL_LIFE, ends_grant
from evergrant._core.validity import NO_MINIMUM
from evergrant._masking import copy_error
from evergrant.clock import Clock
from evergrant.errors import LoginRequired, NoRefreshToken, OAuthError, Throttled
from evergrant.token import Token

__all__ = ["Backoff"]

MIN_DELAY = timedelta(seconds=30)
"""The shortest wait between two background refreshes of a token that failed."""

MAX_DELAY = timedelta(minutes=30)

MAX_DEAD = 10_000
"""Dead grants that a process remembers; other processes learn of them from the rows."""


@dataclass(frozen=True, slots=True)
class _CachedRefusal:
    refresh_token: str | None
    error: OAuthError
    until: datetime


class Backoff:
    """Refusals and delays by token id; a new login under the same id starts afresh."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusals: dict[str, _CachedRefusal] = {}
        self._pauses: dict[str, tuple[str | None, datetime]] = {}
        self._dead: dict[str, tuple[str | None, str | None, OAuthError]] = {}

    def record_failure(
        self, token: Token, error: OAuthError, said_at: datetime | None = None
    ) -> OAuthError:
        """Remember why Zoho did not refresh a token, if asking again is useless; return the error.

        Args:
            said_at: When Zoho said so, if not just now.
        """
        now = said_at or self._clock()
        error.token_id, error.user = token.id, token.user_name
        if isinstance(error, Throttled | LoginRequired | NoRefreshToken):
            until = error.retry_at if isinstance(error, Throttled) else now + REFUSAL_LIFE
            noted = copy_error(error)
            self._refusals[token.id or ""] = _CachedRefusal(token.refresh_token, noted, until)
            if ends_grant(error, token):
                if len(self._dead) >= MAX_DEAD:
                    self._dead = {}
                self._dead[token.id or ""] = token.refresh_token, token.access_token, noted
        return error

    def dead(self, token: Token) -> OAuthError | None:
        """Return the error with which Zoho ended the token's grant, or None; cheap to call.

        This process knows it even if the store could not record it.
        """
        known = self._dead.get(token.id or "")
        if known is None or known[:2] != (token.refresh_token, token.access_token):
            return None
        return copy_error(known[2])

    def active_refusal(self, token: Token) -> OAuthError | None:
        """Return the refusal that still counts, or None if Zoho may be asked."""
        known = self._refusals.get(token.id or "")
        if known is None or known.refresh_token != token.refresh_token:
            return None
        # Longer than possible: it was noted by a clock that has gone back since.
        left = known.until - self._clock()
        longest = timedelta(hours=2) if isinstance(known.error, Throttled) else REFUSAL_LIFE
        return copy_error(known.error) if NO_MINIMUM < left <= longest else None

    def delay(self, token: Token) -> None:
        """Delay the next background refresh of a token that could not be refreshed."""
        now = self._clock()
        # Spread over the remaining lifetime: after an outage, not all come back at once.
        left = token.expires_at - now if token.expires_at else NO_MINIMUM
        pause = max(MIN_DELAY, left * random.uniform(0.1, 0.5))  # noqa: S311 - not a key
        until = now + min(pause, MAX_DELAY)
        self._pauses[token.id or ""] = token.refresh_token, until

    def has_elapsed(self, token: Token) -> bool:
        """Return True if a background refresh is worth trying; cheap to call."""
        paused = self._pauses.get(token.id or "")
        if paused and paused[0] == token.refresh_token:
            left = paused[1] - self._clock()
            if NO_MINIMUM < left <= MAX_DELAY:
                return False
        return self.active_refusal(token) is None
