"""How a grant stands: one answer, for every list, page, metric and program that asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.errors import OAuthError
from evergrant.keeping.budget import Budget
from evergrant.keeping.ledger import Ledger
from evergrant.keeping.policing import Policing
from evergrant.keeping.windows import is_usable
from evergrant.policy import Ending
from evergrant.token import NO_REFRESH_TOKEN, Token

__all__ = ["GrantState", "State", "States", "is_dead"]


OVER = "over"


class State(Enum):
    """What can be done with a grant, in a word or two."""

    ACTIVE = "active"
    """Its access token works, or is renewed for who asks next."""
    NEEDS_LOGIN = "needs login"
    """Nothing but a login of its user helps."""
    THROTTLED = "throttled"
    """Zoho grants nothing for it now."""
    UNSAVED = "unsaved"
    """What was granted last waits in the lifeboat."""
    POLICY_ENDS = OVER
    """The policy lets it be used no more."""


@dataclass(frozen=True, slots=True)
class GrantState:
    """How a grant stands, and why.

    Attributes:
        state: What can be done with it.
        reason: Why, in words; empty where nothing is wrong.
        since: From when on, where that is known.
        until: Until when, where it passes by itself.
    """

    state: State
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None


_ACTIVE = GrantState(State.ACTIVE)


class States:
    """The states of the grants in one store.

    Args:
        policing: The policy, the notes and the clock that count.
        dead: Says what this process knows of a token whose grant is dead.
        adrift: Returns what was granted for a token and is not in the store yet.
    """

    def __init__(
        self,
        policing: Policing,
        dead: Callable[[Token], OAuthError | None] = lambda _: None,
        adrift: Callable[[Token], Token | None] = lambda _: None,
    ) -> None:
        self._dead = dead
        self._adrift = adrift
        self._policing = policing
        self._clock = policing.clock
        self._budget = Budget(policing.notes, policing.clock)

    def of(self, token: Token, *, thorough: bool = False) -> GrantState:
        """Return how the grant of a stored token stands.

        Args:
            thorough: Read its note even where its access token works; a list of many does not.
        """
        if known := self._at_hand(token):
            return known
        usable = is_usable(token, self._clock())
        if not token.refresh_token:
            state = State.ACTIVE if usable else State.NEEDS_LOGIN
            return GrantState(state, NO_REFRESH_TOKEN)
        return self._noted(token, usable=usable) if thorough or not usable else _ACTIVE

    def _at_hand(self, token: Token) -> GrantState | None:
        if refusal := self._policing.refusal(token):
            ending = self._policing.ending(token)
            return GrantState(State.POLICY_ENDS, refusal.rule, ending and ending.at)
        if error := self._dead(token):
            return GrantState(State.NEEDS_LOGIN, error.message)
        if self._adrift(token):
            return GrantState(State.UNSAVED, "the store could not take what Zoho granted last")
        return None

    def _noted(self, token: Token, *, usable: bool) -> GrantState:
        ledger, now = self._budget.look(token), self._clock()
        if is_dead(token, ledger, now):
            why = ledger.failure.message if ledger.failure else "Zoho has ended the grant"
            return GrantState(State.NEEDS_LOGIN, why, from_epoch_ms(ledger.dead_since))
        free_at = ledger.free_at(to_epoch_ms(now))
        if not usable and free_at > to_epoch_ms(now):
            why = "as many access tokens as Zoho allows were asked for"
            return GrantState(State.THROTTLED, why, until=from_epoch_ms(free_at))
        return _ACTIVE

    def ending(self, token: Token) -> Ending | None:
        """Return when the policy ends a token, by the rule that comes first; None: never."""
        return self._policing.ending(token)

    def word(self, token: Token) -> str:
        """Return a token's state for lists: of a grant that is active, its access token's age."""
        grant = self.of(token)
        if grant.state is State.POLICY_ENDS:
            return f"{OVER}: {grant.reason}"
        if not token.refresh_token:
            return NO_REFRESH_TOKEN
        if grant.state is State.ACTIVE:
            return token.freshness(self._clock()).value
        return str(grant.state.value)


def is_dead(token: Token, ledger: Ledger, now: datetime) -> bool:
    """Say whether Zoho has ended a grant, and nothing was granted since that works."""
    if not ledger.dead_since:
        return False
    saved = token.updated_at
    later = saved is not None and saved > from_epoch_ms(ledger.dead_since)
    return not (later and is_usable(token, now))
