"""The state of a grant: one answer for every list, page, metric and program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from evergrant._core.backoff import Backoff
from evergrant._core.policy_enforcer import PolicyEnforcer
from evergrant._core.rate_limit_state import RateLimitState
from evergrant._core.rate_limiter import RateLimiter
from evergrant._core.saver import Saver
from evergrant._core.validity import is_usable
from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.policy import PolicyExpiry
from evergrant.token import NO_REFRESH_TOKEN, Token

__all__ = ["GrantState", "GrantStates", "State", "is_dead"]


OVER = "over"


class State(Enum):
    """The state of a grant, in a word or two."""

    ACTIVE = "active"
    """Its access token works, or is refreshed for the next caller."""
    NEEDS_LOGIN = "needs login"
    """Only a login of its user helps."""
    THROTTLED = "throttled"
    """Zoho grants nothing for it now."""
    UNSAVED = "unsaved"
    """What was granted last waits in the lifeboat."""
    POLICY_ENDS = OVER
    """The policy does not let it be used any more."""


@dataclass(frozen=True, slots=True)
class GrantState:
    """The state of a grant, and why.

    Attributes:
        state: What can be done with it.
        reason: Why, in words; empty where nothing is wrong.
        since: From when on, where that is known.
        until: Until when, if it passes without action.
    """

    state: State
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None


_ACTIVE = GrantState(State.ACTIVE)


class GrantStates:
    """The states of the grants in one store.

    Args:
        enforcer: The policy, the notes and the clock.
        backoff: What this process knows of dead grants.
        saver: Knows what was granted and is not in the store yet.
    """

    def __init__(
        self,
        enforcer: PolicyEnforcer,
        backoff: Backoff | None = None,
        saver: Saver | None = None,
    ) -> None:
        self._backoff = backoff or Backoff(enforcer.clock)
        self._saver = saver
        self._enforcer = enforcer
        self._clock = enforcer.clock
        self._rate_limiter = RateLimiter(enforcer.notes, enforcer.clock)

    def of(self, token: Token, *, thorough: bool = False) -> GrantState:
        """Return the state of a stored token's grant.

        Args:
            thorough: Read its note even if its access token works; long lists do not.
        """
        if known := self._known_locally(token):
            return known
        usable = is_usable(token, self._clock())
        if not token.refresh_token:
            state = State.ACTIVE if usable else State.NEEDS_LOGIN
            return GrantState(state, NO_REFRESH_TOKEN)
        return self._from_note(token, usable=usable) if thorough or not usable else _ACTIVE

    def _known_locally(self, token: Token) -> GrantState | None:
        if refusal := self._enforcer.refusal(token):
            ending = self._enforcer.expiry(token)
            return GrantState(State.POLICY_ENDS, refusal.rule, ending and ending.at)
        if error := self._backoff.dead(token):
            return GrantState(State.NEEDS_LOGIN, error.message)
        if self._saver and self._saver.pending_for(token):
            return GrantState(State.UNSAVED, "the store could not take what Zoho granted last")
        return None

    def _from_note(self, token: Token, *, usable: bool) -> GrantState:
        usage, now = self._rate_limiter.state(token), self._clock()
        if is_dead(token, usage, now):
            why = usage.failure.message if usage.failure else "Zoho has ended the grant"
            return GrantState(State.NEEDS_LOGIN, why, from_epoch_ms(usage.dead_since))
        free_at = usage.available_at(to_epoch_ms(now))
        if not usable and free_at > to_epoch_ms(now):
            why = "as many access tokens as Zoho allows were asked for"
            return GrantState(State.THROTTLED, why, until=from_epoch_ms(free_at))
        return _ACTIVE

    def policy_expiry(self, token: Token) -> PolicyExpiry | None:
        """Return when the policy ends a token, and by which rule, or None if it never does."""
        return self._enforcer.expiry(token)

    def describe(self, token: Token) -> str:
        """Return a token's state for lists; for an active grant, its access token's freshness."""
        grant = self.of(token)
        if grant.state is State.POLICY_ENDS:
            return f"{OVER}: {grant.reason}"
        if not token.refresh_token:
            return NO_REFRESH_TOKEN
        if grant.state is State.ACTIVE:
            return token.freshness(self._clock()).value
        return str(grant.state.value)


def is_dead(token: Token, usage: RateLimitState, now: datetime) -> bool:
    """Return True if Zoho has ended a grant, and no valid token was saved since."""
    if not usage.dead_since:
        return False
    saved = token.updated_at
    later = saved is not None and saved > from_epoch_ms(usage.dead_since)
    return not (later and is_usable(token, now))
