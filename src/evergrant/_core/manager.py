"""Tokens in our care, whoever names them: usable, refreshed, taken in, given up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from evergrant._concurrency.workers import BackgroundWorkers
from evergrant._core.code_registry import CodeRegistry
from evergrant._core.deletion import delete_grant
from evergrant._core.enrollment import enroll, enroll_as_is
from evergrant._core.former_rows import FormerRows
from evergrant._core.grant_state import GrantStates
from evergrant._core.observed_saves import ObservedSaves
from evergrant._core.policy_enforcer import PolicyEnforcer, still_alive_error
from evergrant._core.rate_limiter import MAX_GRANTS, RateLimiter
from evergrant._core.refreshable import data_center_code
from evergrant._core.refresher import Refresher
from evergrant._core.requirement import Requirement
from evergrant._core.saver import Saver
from evergrant._core.shared_notes import SharedNotes
from evergrant._core.user_selection import select_user_token
from evergrant._core.validity import NO_MINIMUM, Validity, is_stale, is_usable
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._masking import masks_methods
from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.config import config_folder
from evergrant.errors import (
    ConfigError,
    EvergrantError,
    OAuthError,
    PolicyRefused,
    TokenNotFound,
    UntrustedServer,
)
from evergrant.events import Forgotten, GrantLimitNear, Listener, LoggedIn, Revoked, safe_listener
from evergrant.policy import NO_POLICY, Policy
from evergrant.stores.base import TokenStore
from evergrant.token import Token, identify

__all__ = ["DuePredicate", "TokenManager"]

WARN_WHEN_GRANTS_LEFT = 2
"""Refresh tokens that a user may still get for a client when a warning is due."""

DuePredicate = Callable[[Token, datetime], bool]


@masks_methods
class TokenManager:
    """What a Keeper, and the bridge to Zoho's SDK, do with a token once it is found.

    Args:
        store: Where tokens are kept; the caller closes it.
        accounts: Zoho's accounts servers; the caller closes it.
        clock: Tells the time; by default that of ``accounts``.
        on_event: Is told each `evergrant.events.Event`.
        lifeboat: Folder for tokens that the store could not take; else the configuration's.
        policy: What tokens must keep to.
    """

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        *,
        clock: Clock | None = None,
        on_event: Listener | None = None,
        lifeboat: Path | None = None,
        policy: Policy = NO_POLICY,
    ) -> None:
        self.store = store
        self.accounts = accounts
        self.clock = clock or accounts.clock
        self.emit = safe_listener(on_event)
        boat, notes = Lifeboat(lifeboat or config_folder(), store.url), SharedNotes(store)
        self._saver = Saver(store, boat, self.emit, self.clock)
        self._rate_limiter = RateLimiter(notes, self.clock)
        self.codes = CodeRegistry(notes, self.clock)
        self._enforcer = PolicyEnforcer(policy, store, notes, self.clock)
        self._observed_saves = ObservedSaves(self.clock, self.emit)
        self._refresher = Refresher(
            store, accounts, self._saver, self._rate_limiter, self._observed_saves, self.emit,
            self.clock, self._enforcer.now,
        )  # fmt: skip
        self.dead = self._refresher.dead
        self.states = GrantStates(self._enforcer, self.dead, self._saver.pending_for)
        self._background = BackgroundWorkers()
        self._admission = accounts, self._saver, FormerRows(store, accounts, self.ensure_valid).find
        self.restore_pending()

    def restore_pending(self) -> None:
        """Bring what waits in the lifeboat into the store, as far as it takes it."""
        self._saver.restore_pending()

    def find(self, user: str) -> Token:
        """Return the newest token of this user that there is, expired or not.

        Raises:
            TokenNotFound: There is none of this client.
            AmbiguousUser: There are several.
        """
        self.restore_pending()
        ours = self.accounts.client.client_id if self.accounts.client else None
        return self.with_pending(
            select_user_token(self.store.find_users(user), user, ours, self._rate_limiter.is_dead)
        )

    def find_valid(self, user: str) -> Token:
        """Return what `find` does, if the policy lets it be used.

        Raises:
            PolicyRefused: Its time is over.
        """
        return self._enforcer.require(self.find(user))

    def with_pending(self, stored: Token) -> Token:
        """Return what was granted for a stored token: it may wait in the lifeboat still."""
        return self._saver.pending_for(stored) or self._observed_saves.observe(stored)

    def ensure_valid(self, stored: Token, min_ttl: timedelta = NO_MINIMUM) -> Token:
        """Return a stored token with an access token that works now, refreshed where needed.

        Args:
            min_ttl: How much life it must have left.

        Raises:
            PolicyRefused: Its time is over.
            TokenNotFound: It was deleted.
            OAuthError: Zoho did not refresh it.
            TokenNotSaved: It was refreshed, and the store cannot take it.
        """
        token = self._enforcer.require(self._with_past_timestamps(self.with_pending(stored)))
        is_dead = self.dead(token) is not None
        if is_dead or not is_usable(token, self.clock(), min_ttl):
            rejected = token.access_token if is_dead else None
            return self._refresher.refresh(token, Requirement(not_this=rejected, min_ttl=min_ttl))
        self.do_background_work(token)
        return token

    def replace_rejected(self, rejected: Token, *, is_asked: bool = False) -> Token:
        """Return a token in place of one that the API rejected; raises as `usable`.

        Args:
            is_asked: It was not rejected: somebody asked for another one.
        """
        if self._enforcer.policy != NO_POLICY:
            # By what is stored: a copy may be old, and who refreshes a token uses it.
            stored = self.store.find_token_by_id(rejected.id or "")
            self._enforcer.require(self.with_pending(stored or rejected))
        requirement = Requirement(not_this=rejected.access_token, is_asked=is_asked)
        return self._refresher.refresh(rejected, requirement)

    def _with_past_timestamps(self, token: Token) -> Token:
        """Return a token; the age of one that begins in the future is mended in the store."""
        if self._enforcer.with_past_timestamps(token):
            self._refresher.record_use(token, self._enforcer.with_past_timestamps)
        return token

    def check_destination(self, token: Token, url: str) -> Token:
        """Return a token if a request to this URL may carry it; else raise `UntrustedServer`."""
        if not self.accounts.data_center_of(token).serves(url):
            raise UntrustedServer(
                "the request does not go to the token's own data center",
                token_id=token.id,
                user=token.user_name,
                hint=f"Send it to {token.api_domain}.",
            )
        return token

    def validity(self, token: Token) -> Validity:
        """Return when a token may be handed out, and when `attend` has something to do for it."""
        return self._enforcer.validity(token)

    def do_background_work(self, token: Token) -> None:
        """Do in the background what is due for a token that is handed out."""
        if not self.schedule_refresh(token, is_use=True) and self._enforcer.is_use_record_due(
            token
        ):
            work = partial(self._refresher.record_use, token, self._enforcer.with_use_recorded)
            self._background.submit(token.id or "", work)

    def schedule_refresh(
        self, token: Token, is_due: DuePredicate = is_stale, *, is_use: bool = False
    ) -> bool:
        """Begin to refresh a token in the background, if that is due and nobody does it yet.

        Args:
            is_due: Says whether a token is worth refreshing at a moment.
            is_use: Somebody uses it; else it is only kept fresh, while the policy lets it.

        Returns:
            Whether it was begun.
        """
        if not is_due(token, self.clock()) or not self._refresher.can_refresh_ahead(token):
            return False
        if self._enforcer.refusal(self._with_past_timestamps(token)):
            return False

        def still_due(now: Token) -> bool:
            return is_due(now, self.clock())

        work = partial(self._refresher.refresh_ahead, token, still_due, Requirement(for_use=is_use))
        return self._background.submit(token.id or "", work, data_center_code(token, self.accounts))

    def save(self, token: Token) -> Token:
        """Save what somebody else obtained, come what may; return it as stored.

        Raises:
            TokenNotSaved: The store cannot take it; the lifeboat holds it.
        """
        return self._saver.save(token)

    def enroll(self, granted: Token, *, expected: str | None) -> Token:
        """Take in a new grant under its owner's name; see `evergrant._core.enrollment.admit`."""
        by, is_dead = self._admission, self._rate_limiter.is_dead
        return self._finish_enrollment(
            enroll(self._check_grant(granted), *by, is_dead, expected=expected)
        )

    def enroll_as_is(self, granted: Token, *, find_user: bool) -> Token:
        """Take in a new grant under the name it carries; see `admission.admit_unasked`."""
        begun = self._check_grant(granted)
        return self._finish_enrollment(enroll_as_is(begun, *self._admission, find_user=find_user))

    def _check_grant(self, granted: Token) -> Token:
        if objection := self._enforcer.scope_violation(granted):
            try:
                self.accounts.revoke(granted)  # what its user has already stays as it is
            except EvergrantError as error:
                raise still_alive_error(objection, granted, self.accounts, error) from error
            raise objection
        return replace(granted, last_used_at=self._enforcer.now())

    def _finish_enrollment(self, token: Token) -> Token:
        if objection := self._enforcer.violation(token):
            raise self._reject_enrolled(token, objection)
        self._enforcer.record_login(token)
        where = self.accounts.data_center_of(token)
        self.emit(
            LoggedIn(
                at=self.clock(), data_center=where.code, scopes=token.scopes, **identify(token)
            )
        )
        if token.grant_token:
            self.codes.mark_stored(token.grant_token)
        grants = self._rate_limiter.add_grant(token) if token.refresh_token else 0
        if grants >= MAX_GRANTS - WARN_WHEN_GRANTS_LEFT:
            self.emit(
                GrantLimitNear(at=self.clock(), count=grants, most=MAX_GRANTS, **identify(token))
            )
        return token

    def _reject_enrolled(self, token: Token, objection: PolicyRefused) -> PolicyRefused:
        try:
            self.revoke(token)
        except (OAuthError, ConfigError) as error:
            # It must not stay all the same, for the policy to hold while Zoho does not answer.
            with suppress(TokenNotFound):
                self.forget(token)
            return still_alive_error(objection, token, self.accounts, error)
        return objection

    def revoke(self, token: Token) -> bool:
        """Revoke a grant at Zoho, then delete it from the store; return whether it was alive.

        Raises:
            OAuthError: Zoho could not be told; the token stays in the store.
        """
        alive = self.accounts.revoke(token)
        self._rate_limiter.remove_grant(token)
        with suppress(TokenNotFound):  # somebody else was faster: it is gone
            delete_grant(token, self.store, self._saver)
        self.emit(Revoked(at=self.clock(), **identify(token)))
        return alive

    def forget(self, token: Token) -> None:
        """Delete a token from the store without telling Zoho."""
        delete_grant(token, self.store, self._saver)
        self.emit(Forgotten(at=self.clock(), **identify(token)))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being refreshed in the background."""
        return self._background.is_idle

    def close(self) -> None:
        """Wait for what is being refreshed in the background, and begin nothing more."""
        self._background.close()
        self.emit.flush()
