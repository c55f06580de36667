"""Renews an access token once, however many threads and processes ask for it."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.errors import (
    LoginRequired,
    NoRefreshToken,
    OAuthError,
    StoreUnavailable,
    Throttled,
    TokenNotFound,
)
from evergrant.events import Emit, Refreshed, RefreshFailed
from evergrant.keeping.flight import SingleFlight
from evergrant.keeping.saver import Saver
from evergrant.stores.base import TokenStore
from evergrant.stores.lease import Lease
from evergrant.stores.matching import compatible
from evergrant.token import Freshness, Token, about

__all__ = ["Renewal", "is_usable"]

LEASE_TTL = 15.0
"""Seconds that a refresh may take before another process takes over."""

LEASE_MARGIN = 1.0
"""Seconds to wait beyond another's lease before going on without it: it was only a hint."""

POLL = 0.05
"""Seconds between two looks at a token that another process is refreshing."""

CLOCK_SLACK = timedelta(minutes=10)
"""How far the clocks of hosts may differ before a token counts as saved in the future."""

REFUSAL_LIFE = timedelta(minutes=10)
"""How long a refused refresh token is not shown to Zoho again: its throttle's own window."""


def is_usable(token: Token, now: datetime) -> bool:
    """Say whether an access token may be handed out.

    A token that was saved in the future shows that the clock went back since: its expiry, by
    the same clock, means nothing.
    """
    if token.freshness(now) is Freshness.EXPIRED:
        return False
    return token.updated_at is None or token.updated_at <= now + CLOCK_SLACK


@dataclass(frozen=True, slots=True)
class _Refusal:
    refresh_token: str | None
    error: OAuthError
    until: datetime


class Renewal:
    """One refresh per token at a time: a gate for threads, a lease for processes."""

    def __init__(
        self, store: TokenStore, accounts: Accounts, saver: Saver, emit: Emit, clock: Clock
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._saver = saver
        self._emit = emit
        self._clock = clock
        self._flights: SingleFlight[Token] = SingleFlight()
        self._refusals: dict[str, _Refusal] = {}

    def renew(self, token: Token, *, rejected: bool = False) -> Token:
        """Return a usable token in place of this one: from the store, or from Zoho.

        Args:
            rejected: The API did not accept the access token, whatever its expiry says.

        Raises:
            TokenNotFound: It was deleted.
            OAuthError: Zoho did not renew it.
            TokenNotSaved: Zoho renewed it, and the store cannot take it.
        """
        bad = token.access_token if rejected else None
        renewed = self._flights.do(token.id or "", lambda: self._with_lease(token, bad))
        if bad and renewed.access_token == bad:
            # We joined a flight that did not know yet that this token was rejected.
            renewed = self._flights.do(token.id or "", lambda: self._with_lease(token, bad))
        return renewed

    def _with_lease(self, token: Token, bad: str | None) -> Token:
        give_up = time.monotonic() + LEASE_TTL + LEASE_MARGIN
        while True:
            with self._lease(token.id or "") as lease:
                # Read after the lease is ours: whoever held it before may have renewed it.
                current = self._read(token)
                if current.access_token != bad and is_usable(current, self._clock()):
                    return current
                if lease or time.monotonic() > give_up:
                    return self._refresh(current, bad)
            time.sleep(POLL)

    def _lease(self, id_: str) -> Lease:
        try:
            return self._store.lease(id_, LEASE_TTL)
        except StoreUnavailable:
            # A lease is only a hint: a store that can be read but not written, such as one on a
            # full disk, must not keep its users from their tokens.
            return Lease(held=True, release=lambda: None)

    def _read(self, token: Token) -> Token:
        self._saver.take_aboard()
        current = self._saver.adrift(token) or self._store.find_token_by_id(token.id or "")
        # A row of that id may be another user's by now: the ids that callers choose come again.
        if current is None or not compatible(current, token):
            raise TokenNotFound("the token was deleted", token_id=token.id, user=token.user_name)
        return current

    def _refresh(self, current: Token, bad: str | None) -> Token:
        error = self._known_refusal(current)
        if error is None:
            try:
                granted = self._accounts.refresh(current)
            except OAuthError as refused:
                error = self._note_refusal(current, refused)
            else:
                return self._save(replace(granted, last_used_at=self._clock()), current)
        alive = current.access_token and current.expires_at and current.expires_at > self._clock()
        if error.retryable and alive and current.access_token != bad:
            return current
        raise error

    def _save(self, granted: Token, current: Token) -> Token:
        saved = self._saver.save_renewal(granted, current)
        self._emit(Refreshed(at=self._clock(), expires_at=saved.expires_at, **about(saved)))
        return saved

    def _known_refusal(self, current: Token) -> OAuthError | None:
        known = self._refusals.get(current.id or "")
        if known is None or known.refresh_token != current.refresh_token:
            return None
        # Longer than it can be, and it was noted by a clock that has gone back since.
        left = known.until - self._clock()
        return copy.copy(known.error) if timedelta(0) < left <= REFUSAL_LIFE else None

    def _note_refusal(self, current: Token, error: OAuthError) -> OAuthError:
        now = self._clock()
        error.token_id, error.user = current.id, current.user_name
        noted = copy.copy(error)  # without the traceback, which would keep all its frames alive
        self._emit(RefreshFailed(at=now, error=noted, **about(current)))
        if isinstance(error, Throttled | LoginRequired | NoRefreshToken):
            until = error.retry_at if isinstance(error, Throttled) else now + REFUSAL_LIFE
            self._refusals[current.id or ""] = _Refusal(current.refresh_token, noted, until)
        return error
