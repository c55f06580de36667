"""Keeps stored tokens valid: refreshes them when needed, and ahead of time in the background."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from evergrant._concurrency.workers import BackgroundWorkers
from evergrant._core.backoff import Backoff
from evergrant._core.observed_saves import ObservedSaves
from evergrant._core.policy_enforcer import PolicyEnforcer
from evergrant._core.refreshable import data_center_code
from evergrant._core.refresher import Refresher
from evergrant._core.requirement import Requirement
from evergrant._core.saver import Saver
from evergrant._core.validity import NO_MINIMUM, Validity, ValidToken, is_stale
from evergrant._masking import masks_methods
from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.policy import NO_POLICY
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["DuePredicate", "TokenUpkeep"]

DuePredicate = Callable[[Token, datetime], bool]
"""Returns True if a token is worth refreshing at a moment."""


@masks_methods
class TokenUpkeep:
    """What is done for a token that was found in the store, before and after it is handed out."""

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        saver: Saver,
        refresher: Refresher,
        enforcer: PolicyEnforcer,
        observed_saves: ObservedSaves,
        backoff: Backoff,
        clock: Clock,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._saver = saver
        self._refresher = refresher
        self._enforcer = enforcer
        self._observed_saves = observed_saves
        self._backoff = backoff
        self._clock = clock
        self._workers = BackgroundWorkers()

    def with_pending(self, stored: Token, *, has_pending: bool = True) -> Token:
        """Return what was granted last for a stored token: it may still wait in the lifeboat.

        Args:
            has_pending: Whether anything waits there; True: look.
        """
        waiting = self._saver.pending_for(stored) if has_pending else None
        return waiting or self._observed_saves.observe(stored)

    def if_valid(self, token: Token, min_ttl: timedelta = NO_MINIMUM) -> ValidToken | None:
        """Return the token if it works as it is, or None if it must be refreshed first."""
        valid = ValidToken.of(token)
        if self._backoff.dead(token) or not valid.validity.covers(self._clock(), min_ttl):
            return None
        self.do_background_work(*valid)
        return valid

    def ensure_valid(self, token: Token, min_ttl: timedelta = NO_MINIMUM) -> ValidToken:
        """Return a token that works now: this one (see `with_pending`), or a refreshed one.

        Args:
            min_ttl: How long it must remain valid.

        Raises:
            PolicyRefused: The policy has ended it.
            TokenNotFound: It was deleted.
            OAuthError: Zoho did not refresh it.
            TokenNotSaved: It was refreshed, and the store cannot take it.
        """
        valid = ValidToken.of(self._enforcer.require(self._with_past_timestamps(token)))
        is_dead = self._backoff.dead(token) is not None
        if is_dead or not valid.validity.covers(self._clock(), min_ttl):
            rejected = token.access_token if is_dead else None
            requirement = Requirement(not_this=rejected, min_ttl=min_ttl)
            return ValidToken.of(self._refresher.refresh(token, requirement))
        self.do_background_work(*valid)
        return valid

    def ensure_row_valid(self, row: Token) -> Token:
        """Return a token that works for a row as it was read; raises as `ensure_valid`."""
        return self.ensure_valid(self.with_pending(row)).token

    def replace_rejected(self, rejected: Token, *, is_asked: bool = False) -> Token:
        """Return a token in place of one that the API rejected; raises as `ensure_valid`.

        Args:
            is_asked: It was not rejected: the caller asked for another one.
        """
        if self._enforcer.policy != NO_POLICY:
            # By what is stored: a copy may be old, and a refresh counts as use.
            stored = self._store.find_token_by_id(rejected.id or "")
            self._enforcer.require(self.with_pending(stored or rejected))
        requirement = Requirement(not_this=rejected.access_token, is_asked=is_asked)
        return self._refresher.refresh(rejected, requirement)

    def do_background_work(self, token: Token, validity: Validity) -> None:
        """Start in the background what is due for a token that is handed out."""
        is_due = validity.needs_refresh(self._clock())
        is_begun = is_due and self.schedule_refresh(token, is_use=True)
        if not is_begun and self._enforcer.is_use_record_due(token):
            work = partial(self._refresher.record_use, token, self._enforcer.with_use_recorded)
            self._workers.submit(token.id or "", work)

    def schedule_refresh(
        self, token: Token, is_due: DuePredicate = is_stale, *, is_use: bool = False
    ) -> bool:
        """Start to refresh a token in the background, if that is due and not under way yet.

        Args:
            is_due: Decides whether a token is worth refreshing at a moment.
            is_use: A caller uses it. Otherwise it is only kept fresh while the policy allows.

        Returns:
            Whether a refresh was started.
        """
        if not is_due(token, self._clock()) or not self._refresher.can_refresh_ahead(token):
            return False
        if self._enforcer.refusal(self._with_past_timestamps(token)):
            return False

        def still_due(now: Token) -> bool:
            return is_due(now, self._clock())

        requirement = Requirement(for_use=is_use)
        work = partial(self._refresher.refresh_ahead, token, still_due, requirement)
        server = data_center_code(token, self._accounts)
        return self._workers.submit(token.id or "", work, server)

    def _with_past_timestamps(self, token: Token) -> Token:
        """Return the token; the age of one that begins in the future is mended in the store."""
        if self._enforcer.with_past_timestamps(token):
            self._refresher.record_use(token, self._enforcer.with_past_timestamps)
        return token

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done in the background."""
        return self._workers.is_idle

    def close(self) -> None:
        """Wait for what is under way in the background, and start nothing more."""
        self._workers.close()
