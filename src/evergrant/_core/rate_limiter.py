"""The rate limiter: Zoho's limits, kept by all processes that share a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from evergrant import errors
from evergrant._core.rate_limit_state import LIFE_MS, WINDOW_MS, Failure, RateLimitState
from evergrant._core.request_history import RequestHistory
from evergrant._core.shared_notes import SharedNotes
from evergrant._oauth.errors import is_network_error, may_have_granted, was_sent
from evergrant._user_names import fold_name
from evergrant.clock import Clock, from_epoch_ms, to_epoch_ms
from evergrant.errors import ConfigError, LoginRequired, OAuthError, PolicyRefused, Throttled
from evergrant.token import Token, identify

__all__ = ["MAX_GRANTS", "REFUSAL_LIFE", "RateLimiter", "ends_grant", "error_from_state"]

MAX_GRANTS = 20
"""Refresh tokens that one user may have for one client; one more ends the oldest, even if it is
in use (https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html)."""

NOTE_KIND = "ledger"
MILLISECOND = timedelta(milliseconds=1)

NOTE_LIFE_S = (LIFE_MS + WINDOW_MS) / 1000
"""Seconds that the note of a grant is kept; after that it says nothing of use."""

DEAD_LIFE_S = 10 * 365 * 86_400.0
"""Seconds that a note about a refresh token itself is kept: those do not expire."""

REFUSAL_LIFE = timedelta(minutes=10)
"""How long a refused refresh token is not sent again: the window of Zoho's own throttle."""


class RateLimiter:
    """Counts the requests of each grant, and refuses those that Zoho would refuse."""

    def __init__(self, notes: SharedNotes, clock: Clock) -> None:
        self._notes = notes
        self._clock = clock
        self._asked = RequestHistory()

    def state(self, token: Token) -> RateLimitState:
        """Return what a token's grant has used of the limits."""
        return RateLimitState.parse(self._notes.read(NOTE_KIND, token.refresh_token or ""))

    def is_dead(self, token: Token) -> bool:
        """Return True if Zoho has ended the grant."""
        return bool(self.state(token).dead_since)

    def recent_failure(self, token: Token) -> OAuthError | None:
        """Return why this token should not be refreshed ahead of time now, if there is a reason."""
        now = self._clock()
        left = token.expires_at - now if token.expires_at else timedelta(0)
        usage = self.state(token)
        at_rest = usage.is_cooling_down(to_epoch_ms(now), int(left / MILLISECOND))
        return error_from_state(usage, token) if at_rest else None

    def refusal(self, token: Token) -> tuple[OAuthError, datetime] | None:
        """Return the error with which Zoho ended this token's grant, and when it last said so.

        Returns None if it did not, or if that is long enough ago to ask again.
        """
        usage, now = self.state(token), to_epoch_ms(self._clock())
        failed = usage.failure
        if not (usage.dead_since and failed and failed.kind == LoginRequired.__name__):
            return None
        if not 0 <= now - failed.at < REFUSAL_LIFE / MILLISECOND:
            return None
        return error_from_state(usage, token), from_epoch_ms(failed.at)

    @contextmanager
    def reserve(self, token: Token) -> Iterator[None]:
        """Count one request for an access token before it is sent, and record a failure.

        Raises:
            Throttled: Zoho would refuse it, or it would end an access token that is valid.
        """
        at, was_dead = self._reserve(token)
        try:
            yield
        except OAuthError as error:
            self._settle(token, at, error, is_dead=was_dead or ends_grant(error, token))
            raise
        except ConfigError:
            self._give_back(token, at)
            raise
        if was_dead:
            self._update(token, lambda note: RateLimitState.parse(note).revived().serialize())

    def _reserve(self, token: Token) -> tuple[int, bool]:
        now, was_dead, free_at = to_epoch_ms(self._clock()), False, 0
        grant = token.refresh_token or ""

        def spend(note: str) -> str:
            nonlocal was_dead, free_at
            usage = RateLimitState.parse(note)
            was_dead = bool(usage.dead_since)
            mints = self._asked.merged_with(grant, usage.requests, now)
            free_at = replace(usage, requests=mints).available_at(now)
            usage = usage.clamped(now)
            return usage.serialize() if free_at > now else usage.with_request(now).serialize()

        noted = RateLimitState.parse(self._update(token, spend)).requests
        if free_at > now:
            raise Throttled(
                "as many access tokens as Zoho allows were asked for with this grant",
                retry_at=from_epoch_ms(free_at),
                **identify(token),
            )
        self._asked.record(grant, now, noted)
        return now, was_dead

    def _settle(self, token: Token, at: int, error: OAuthError, *, is_dead: bool) -> None:
        until = to_epoch_ms(error.retry_at) if isinstance(error, Throttled) else 0
        now, passes = to_epoch_ms(self._clock()), is_network_error(error)
        failure = Failure(now, type(error).__name__, error.message, passes)

        def settle(note: str) -> str:
            usage = RateLimitState.parse(note)
            if not may_have_granted(error):
                usage = usage.without_request(at)
                self._asked.forget(token.refresh_token or "", at)
            # What was never sent is this process's own trouble: another may well get through.
            usage = usage.failed(failure, until) if was_sent(error) else usage
            return (usage.ended() if ends_grant(error, token) else usage).serialize()

        # That a grant is dead is remembered for as long as a copy of it may exist.
        self._update(token, settle, life=DEAD_LIFE_S if is_dead else NOTE_LIFE_S)

    def _give_back(self, token: Token, at: int) -> None:
        self._asked.forget(token.refresh_token or "", at)
        self._update(token, lambda note: RateLimitState.parse(note).without_request(at).serialize())

    def _update(
        self, token: Token, change: Callable[[str], str], *, life: float = NOTE_LIFE_S
    ) -> str:
        return self._notes.update(NOTE_KIND, token.refresh_token or "", change, life=life)

    def add_grant(self, token: Token) -> int:
        """Record a new refresh token; return how many its user now has for this client."""
        return self._update_grants(token, lambda known, new: [*known, new][-MAX_GRANTS:])

    def remove_grant(self, token: Token) -> None:
        """Record that a refresh token was revoked."""
        self._update_grants(token, lambda known, _: known)

    def _update_grants(self, token: Token, change: Callable[[list[str], str], list[str]]) -> int:
        mine = sha256(str.encode(token.refresh_token or "")).hexdigest()[:12]

        def amend(note: str) -> str:
            return " ".join(change([known for known in note.split() if known != mine], mine))

        whose = f"{token.user_name and fold_name(token.user_name)} {token.client_id}"
        return len(self._notes.update("grants", whose, amend, life=DEAD_LIFE_S).split())


def ends_grant(error: OAuthError, token: Token) -> bool:
    """Return True if an error means for certain that a token's grant is dead.

    If the token does not name its data center, a wrong one may have been asked.
    """
    is_refusal = isinstance(error, LoginRequired) and not isinstance(error, PolicyRefused)
    return is_refusal and bool(token.api_domain)


def error_from_state(usage: RateLimitState, token: Token) -> OAuthError:
    """Return the failure that another process recorded, as the error it was."""
    failed = usage.failure or Failure(0, "OAuthError", "the token was not refreshed")
    if failed.kind == Throttled.__name__:
        until = from_epoch_ms(max(usage.throttled_until, failed.at))
        return Throttled(failed.message, retry_at=until, **identify(token))
    kind = getattr(errors, failed.kind, OAuthError)
    known = isinstance(kind, type) and issubclass(kind, OAuthError)
    return (kind if known else OAuthError)(failed.message, **identify(token))
