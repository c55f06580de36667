"""Zoho's limits as a budget that all who share a store keep to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256

from evergrant import errors
from evergrant.clock import Clock, from_epoch_ms, to_epoch_ms
from evergrant.errors import ConfigError, OAuthError, Throttled
from evergrant.keeping.ledger import LIFE, WINDOW, Failure, Ledger
from evergrant.keeping.notes import Notes
from evergrant.oauth_errors import may_have_granted, was_sent
from evergrant.token import Token, about

__all__ = ["GRANTS", "Budget", "as_error"]

GRANTS = 20
"""Refresh tokens that one user may have for one client; one more ends the oldest, even if it is
in use (https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html)."""

LEDGER = "ledger"
MILLISECOND = timedelta(milliseconds=1)

YEARS = 10 * 365 * 86_400.0
"""Seconds that a list of refresh tokens is kept: they do not expire."""


class Budget:
    """What the grants of a store have used, and may use."""

    def __init__(self, notes: Notes, clock: Clock) -> None:
        self._notes = notes
        self._clock = clock

    def look(self, token: Token) -> Ledger:
        """Return the ledger of a token's grant."""
        return Ledger.read(self._notes.read(LEDGER, token.refresh_token or ""))

    def recent_failure(self, token: Token) -> OAuthError | None:
        """Return why nobody should renew this token now who need not, if anything speaks for it."""
        now = self._clock()
        left = token.expires_at - now if token.expires_at else timedelta(0)
        ledger = self.look(token)
        at_rest = ledger.is_at_rest(to_epoch_ms(now), int(left / MILLISECOND))
        return as_error(ledger, token) if at_rest else None

    @contextmanager
    def request(self, token: Token) -> Iterator[None]:
        """Count one request for an access token, before it is sent, and note if it fails.

        Raises:
            Throttled: Zoho would refuse it, or it would end an access token that lives.
        """
        at = self._spend(token)
        try:
            yield
        except OAuthError as error:
            self._settle(token, at, error)
            raise
        except ConfigError:
            self._amend(token, lambda note: Ledger.read(note).given_back(at).note())
            raise

    def _spend(self, token: Token) -> int:
        now = to_epoch_ms(self._clock())

        def spend(note: str) -> str:
            ledger = Ledger.read(note)
            free_at = ledger.free_at(now)
            if free_at > now:
                raise Throttled(
                    "as many access tokens as Zoho allows were asked for with this grant",
                    retry_at=from_epoch_ms(free_at),
                    **about(token),
                )
            return ledger.spent(now).note()

        self._amend(token, spend)
        return now

    def _settle(self, token: Token, at: int, error: OAuthError) -> None:
        until = to_epoch_ms(error.retry_at) if isinstance(error, Throttled) else 0
        failure = Failure(to_epoch_ms(self._clock()), type(error).__name__, error.message)

        def settle(note: str) -> str:
            ledger = Ledger.read(note)
            if not may_have_granted(error):
                ledger = ledger.given_back(at)
            # What never left is this process's own trouble: another may well get through.
            return (ledger.failed(failure, until) if was_sent(error) else ledger).note()

        self._amend(token, settle)

    def _amend(self, token: Token, change: Callable[[str], str]) -> str:
        life = (LIFE + WINDOW) / 1000
        return self._notes.amend(LEDGER, token.refresh_token or "", change, life=life)

    def add_grant(self, token: Token) -> int:
        """Note a new refresh token; return how many its user has for this client, it included."""
        return self._amend_grants(token, lambda known, new: [*known, new][-GRANTS:])

    def end_grant(self, token: Token) -> None:
        """Note that a refresh token was revoked."""
        self._amend_grants(token, lambda known, _: known)

    def _amend_grants(self, token: Token, change: Callable[[list[str], str], list[str]]) -> int:
        mine = sha256(str.encode(token.refresh_token or "")).hexdigest()[:12]

        def amend(note: str) -> str:
            return " ".join(change([known for known in note.split() if known != mine], mine))

        whose = f"{token.user_name} {token.client_id}"
        return len(self._notes.amend("grants", whose, amend, life=YEARS).split())


def as_error(ledger: Ledger, token: Token) -> OAuthError:
    """Return the failure that another process noted, as the error it was."""
    failed = ledger.failure or Failure(0, "OAuthError", "the token was not renewed")
    if failed.kind == Throttled.__name__:
        until = from_epoch_ms(max(ledger.throttled_until, failed.at))
        return Throttled(failed.message, retry_at=until, **about(token))
    kind = getattr(errors, failed.kind, OAuthError)
    known = isinstance(kind, type) and issubclass(kind, OAuthError)
    return (kind if known else OAuthError)(failed.message, **about(token))
