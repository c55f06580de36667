"""What a process learnt from failures: whom not to ask again, and for how long."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from evergrant.clock import Clock
from evergrant.errors import LoginRequired, NoRefreshToken, OAuthError, Throttled
from evergrant.keeping.budget import REFUSAL_LIFE, ends_grant
from evergrant.keeping.windows import ANY_LIFE
from evergrant.token import Token

__all__ = ["Patience"]

SHORTEST_PAUSE = timedelta(seconds=30)
"""Between two renewals in the background of a token that could not be renewed."""

LONGEST_PAUSE = timedelta(minutes=30)

MOST_DEAD = 10_000
"""Dead grants that a process remembers; those who share a store have it from their rows."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    refresh_token: str | None
    error: OAuthError
    until: datetime


class Patience:
    """Refusals and pauses by token id; a new login for the same id starts afresh."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusals: dict[str, _Refusal] = {}
        self._pauses: dict[str, tuple[str | None, datetime]] = {}
        self._dead: dict[str, tuple[str | None, str | None, OAuthError]] = {}

    def note(self, token: Token, error: OAuthError, said_at: datetime | None = None) -> OAuthError:
        """Remember why Zoho did not renew a token, if asking again is no use; return the error.

        Args:
            said_at: When Zoho said so; else just now.
        """
        now = said_at or self._clock()
        error.token_id, error.user = token.id, token.user_name
        if isinstance(error, Throttled | LoginRequired | NoRefreshToken):
            until = error.retry_at if isinstance(error, Throttled) else now + REFUSAL_LIFE
            noted = copy.copy(error)  # without the traceback, which keeps all its frames alive
            self._refusals[token.id or ""] = _Refusal(token.refresh_token, noted, until)
            if ends_grant(error, token):
                if len(self._dead) >= MOST_DEAD:
                    self._dead = {}
                self._dead[token.id or ""] = token.refresh_token, token.access_token, noted
        return error

    def dead(self, token: Token) -> OAuthError | None:
        """Return why an access token is of no use whatever its expiry says; cheap to ask.

        Zoho has ended its grant, which this process knows even where the store cannot be told.
        """
        known = self._dead.get(token.id or "")
        if known is None or known[:2] != (token.refresh_token, token.access_token):
            return None
        return copy.copy(known[2])

    def refusal(self, token: Token) -> OAuthError | None:
        """Return why Zoho need not be asked now."""
        known = self._refusals.get(token.id or "")
        if known is None or known.refresh_token != token.refresh_token:
            return None
        # Longer than it can be, and it was noted by a clock that has gone back since.
        left = known.until - self._clock()
        longest = timedelta(hours=2) if isinstance(known.error, Throttled) else REFUSAL_LIFE
        return copy.copy(known.error) if ANY_LIFE < left <= longest else None

    def pause(self, token: Token) -> None:
        """Leave a token alone for a while that could not be renewed in the background."""
        now = self._clock()
        # Spread over the life that is left: after an outage, not all come back at once.
        left = token.expires_at - now if token.expires_at else ANY_LIFE
        pause = max(SHORTEST_PAUSE, left * random.uniform(0.1, 0.5))  # noqa: S311 - not a key
        until = now + min(pause, LONGEST_PAUSE)
        self._pauses[token.id or ""] = token.refresh_token, until

    def is_over(self, token: Token) -> bool:
        """Say whether a renewal in the background is worth trying; cheap to ask."""
        paused = self._pauses.get(token.id or "")
        if paused and paused[0] == token.refresh_token:
            left = paused[1] - self._clock()
            if ANY_LIFE < left <= LONGEST_PAUSE:
                return False
        return self.refusal(token) is None
