"""What one grant has used of Zoho's rate limits: a note that all processes share, and its rules.

Sources, for each number here: https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html;
where other pages of Zoho's differ, the strictest of those for CRM counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple, Self

from evergrant._oauth.errors import THROTTLE_WINDOW
from evergrant._oauth.protocol import ACCESS_TOKEN_LIFE
from evergrant.errors import LoginRequired

__all__ = ["LIFE_MS", "MAX_LIVE", "MAX_REQUESTS", "WINDOW_MS", "Failure", "RateLimitState"]

_MILLISECOND = timedelta(milliseconds=1)

MAX_REQUESTS = 10
"""Access tokens that may be minted with one refresh token in a `WINDOW_MS`."""

WINDOW_MS = THROTTLE_WINDOW // _MILLISECOND
"""Milliseconds: ten minutes."""

MAX_LIVE = 15
"""Access tokens of one refresh token that are valid at a time; one more ends the oldest."""

LIFE_MS = ACCESS_TOKEN_LIFE // _MILLISECOND
"""Milliseconds that an access token lives: one hour."""

CLOCK_MARGIN_MS = 1_000
"""How long a request may take to be counted by Zoho, after it was counted here."""

COOL_DOWN_MS = 30_000
"""Milliseconds after a failure without refreshes ahead of time; longer if the token allows."""

MAX_MESSAGE = 120
"""Characters of an error that are noted; a note must stay short."""


class Failure(NamedTuple):
    """Why Zoho did not refresh: when (epoch milliseconds), the error's class, its message.

    Attributes:
        passes: A network in between answered, so that another host may well reach Zoho.
    """

    at: int
    kind: str
    message: str
    passes: bool = False


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """The last hour of one grant; moments are epoch milliseconds.

    Attributes:
        requests: When access tokens were asked for, the oldest first.
        throttled_until: Until when Zoho said it refuses.
        failure: The last one.
        dead_since: When Zoho first said that the grant is dead, or 0.
    """

    requests: tuple[int, ...] = ()
    throttled_until: int = 0
    failure: Failure | None = None
    dead_since: int = 0

    @classmethod
    def parse(cls, note: str) -> Self:
        """Return the state that a note holds; a note that cannot be read holds none."""
        try:
            state = json.loads(note or "{}")
            failed = state.get("failure")
            return cls(
                requests=tuple(sorted(int(at) for at in state.get("mints", ()))),
                throttled_until=int(state.get("throttled_until", 0)),
                failure=_failure(*failed) if failed else None,
                dead_since=int(state.get("dead_since", 0)),
            )
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
            return cls()

    def serialize(self) -> str:
        """Return this as the text of a note."""
        state = {
            "mints": self.requests,
            "throttled_until": self.throttled_until,
            "failure": self.failure,
            "dead_since": self.dead_since,
        }
        return json.dumps({name: value for name, value in state.items() if value})

    def available_at(self, now: int) -> int:
        """Return when the next access token may be asked for; ``now`` if at once."""
        requests = self._last_hour(now)
        # More than a window ahead: it was noted by a clock that has gone back since.
        waits = [self.throttled_until if self.throttled_until <= now + WINDOW_MS else now]
        if len(requests) >= MAX_REQUESTS:
            waits.append(requests[-MAX_REQUESTS] + WINDOW_MS + CLOCK_MARGIN_MS)
        others = MAX_LIVE - 1  # the login brought one too
        if len(requests) >= others:
            waits.append(requests[-others] + LIFE_MS + CLOCK_MARGIN_MS)
        return max(now, *waits)

    def is_cooling_down(self, now: int, left: int) -> bool:
        """Return True if no refresh should be sent ahead of time, because the last one failed.

        All processes that share the store then leave a dead grant alone, and the accounts server
        while it is down.

        Args:
            left: Milliseconds for which the cached access token is still valid.
        """
        if not self.failure or (self.requests and self.requests[-1] > self.failure.at):
            return False
        if self.failure.passes:
            return False
        rest = (
            LIFE_MS if self.failure.kind == LoginRequired.__name__ else max(COOL_DOWN_MS, left // 4)
        )
        return 0 <= now - self.failure.at < rest

    def with_request(self, now: int) -> Self:
        """Return this with one more access token asked for."""
        return replace(self, requests=(*self._last_hour(now), now))

    def clamped(self, now: int) -> Self:
        """Return this with future moments, which a fast clock noted, replaced by now.

        The result must be stored: clamped at each read, such a moment would stay new for as long
        as that clock was ahead.
        """
        failure, until = self.failure, self.throttled_until
        if failure and failure.at > now:
            failure = failure._replace(at=now)
        if until > now + WINDOW_MS:
            until = 0  # longer than Zoho ever refuses
        requests = tuple(min(at, now) for at in self.requests)
        dead_since = min(self.dead_since, now)
        return replace(
            self, requests=requests, failure=failure, throttled_until=until, dead_since=dead_since
        )

    def without_request(self, at: int) -> Self:
        """Return this without the request of that moment: Zoho never saw it."""
        requests = list(self.requests)
        if at in requests:
            requests.remove(at)
        return replace(self, requests=tuple(requests))

    def failed(self, failure: Failure, throttled_until: int = 0) -> Self:
        """Return this with a failure, and until when Zoho refuses."""
        short = failure._replace(message=failure.message[:MAX_MESSAGE])
        until = max(self.throttled_until, throttled_until)
        return replace(self, failure=short, throttled_until=until)

    def ended(self) -> Self:
        """Return this with the last failure as the end of the grant."""
        at = self.failure.at if self.failure else 0
        return replace(self, dead_since=self.dead_since or at)

    def revived(self) -> Self:
        """Return this after Zoho has granted a token again: the earlier refusal no longer holds."""
        return replace(self, failure=None, dead_since=0)

    def _last_hour(self, now: int) -> tuple[int, ...]:
        """Return the requests that count; one from the future was noted by a fast clock."""
        return tuple(min(at, now) for at in self.requests if at > now - LIFE_MS - CLOCK_MARGIN_MS)


def _failure(at: object, kind: object, message: object, *more: object) -> Failure:
    return Failure(int(str(at)), str(kind), str(message), more[:1] == (True,))
