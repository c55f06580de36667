"""A login, from the one-time code to the stored row: exchange, save, identify, check, announce.

What a code brings is saved before anything else can fail: Zoho gives it once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from evergrant._core.code_registry import CodeRegistry
from evergrant._core.former_rows import FormerRows
from evergrant._core.policy_enforcer import PolicyEnforcer, still_alive_error
from evergrant._core.rate_limiter import MAX_GRANTS, RateLimiter
from evergrant._core.revocation import Revocation
from evergrant._core.saver import Saver
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import copy_error, masks_methods
from evergrant._user_names import belongs_to
from evergrant.accounts import FOREIGN_GRANT, Accounts
from evergrant.clock import Clock
from evergrant.datacenter import DataCenter
from evergrant.errors import (
    CodeSpent,
    ConfigError,
    ConsentDenied,
    EvergrantError,
    LoginRequired,
    NoRefreshToken,
    OAuthError,
    PolicyRefused,
    TokenNotFound,
    TokenNotSaved,
    UntrustedServer,
)
from evergrant.events import GrantLimitNear, Listener, LoggedIn, LoginFailed
from evergrant.stores.base import TokenStore
from evergrant.token import Secret, Token, identify

__all__ = ["Enrollment", "is_custom_key"]

_logger = RateLimitedLog()

POLL_S = 0.05
"""Seconds between two looks whether another process has stored what a code brought."""

EXCHANGE_TIMEOUT_S = 20.0
"""Seconds that another process may take to exchange the same code."""

WARN_WHEN_GRANTS_LEFT = 2
"""Refresh tokens that a user may still get for a client when a warning is due."""


@masks_methods
class Enrollment:
    """Takes new grants in, under their owners' names."""

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        saver: Saver,
        codes: CodeRegistry,
        enforcer: PolicyEnforcer,
        rate_limiter: RateLimiter,
        former_rows: FormerRows,
        revocation: Revocation,
        emit: Listener,
        clock: Clock,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._saver = saver
        self._codes = codes
        self._enforcer = enforcer
        self._rate_limiter = rate_limiter
        self._former_rows = former_rows
        self._revocation = revocation
        self._emit = emit
        self._clock = clock

    def log_in(
        self,
        code: str,
        data_center: DataCenter,
        *,
        expected: str | None,
        redirect_url: str | None,
        verifier: str | None,
        is_same_session: bool,
    ) -> Token:
        """Return the stored login that a redirect's code stands for.

        Browsers load pages again: a code that comes a second time, in the session that it was
        sent out for, is answered by what it brought the first time.

        Args:
            expected: The user who should log in, or None for any.
            is_same_session: The redirect came back in the session that began the login.

        Raises:
            CodeSpent: The code was used, and not for a login that was completed; or nothing says
                that it is the same browser's.
            OAuthError: As `evergrant.keeper.Keeper.complete_login`.
        """
        doubts: list[UntrustedServer] = []
        with self.reporting_failure(expected):
            try:
                granted = self._codes.exchange(
                    self._accounts,
                    code,
                    data_center,
                    redirect_url=redirect_url,
                    verifier=verifier,
                    warn=doubts.append,
                )
            except CodeSpent:
                known = self._completed_login(code) if is_same_session else None
                if known is None:
                    raise
                return _require_expected(known, expected)
            return self._enroll_then_raise(granted, doubts, expected)

    def log_in_from_console(
        self, code: str, data_center: DataCenter, *, expected: str | None
    ) -> Token:
        """Return the stored login that a code from Zoho's API console stands for.

        Raises:
            OAuthError: As `evergrant.keeper.Keeper.login_with_code`.
        """
        doubts: list[UntrustedServer] = []
        with self.reporting_failure(expected):
            granted = self._codes.exchange(self._accounts, code, data_center, warn=doubts.append)
            try:
                return self._enroll_then_raise(granted, doubts, expected)
            except NoRefreshToken as error:
                error.hint = (
                    "Consent cannot be asked for again with such a code. Make a new one in the API "
                    "console, and log in with that. If it brings none either, remove the app "
                    f"under Connected apps at {data_center.accounts_url}/home first, or log in by "
                    "browser with prompt_consent=True (prompt=consent)."
                )
                raise

    def log_in_with_refresh_token(
        self, refresh_token: str, data_centers: Sequence[DataCenter], *, expected: str | None
    ) -> Token:
        """Return the stored login of a refresh token that the caller has.

        Args:
            data_centers: Where it may be from; each is asked once, until one accepts it.

        Raises:
            LoginRequired: None accepts it.
            OAuthError: As `evergrant.keeper.Keeper.login_with_refresh_token`.
        """
        with self.reporting_failure(expected):
            granted = self._first_accepted(Secret(refresh_token), data_centers)
            return self.enroll(granted, expected=expected)

    def _first_accepted(self, refresh_token: Secret, data_centers: Sequence[DataCenter]) -> Token:
        client, home = self._accounts.require_client(), self._accounts.home_data_center
        refusals: list[OAuthError] = []
        for data_center in data_centers:
            bare = Token(
                client_id=client.client_id,
                client_secret=client.secret_for(data_center),
                refresh_token=refresh_token,
                # At home Zoho says which API is the grant's: a sandbox org has one of its own.
                api_domain=None if data_center is home else data_center.api_url,
            )
            try:
                return self._accounts.refresh(bare)
            except FOREIGN_GRANT as error:
                refusals.append(error)
        dead = [error for error in refusals if isinstance(error, LoginRequired)]
        refused = (dead or refusals)[-1]
        if isinstance(refused, LoginRequired):
            asked = ", ".join(data_center.code for data_center in data_centers)
            refused.hint = (
                f"It was revoked, or it is another client's, or of another data center than "
                f"{asked}. Check the client id, or name the data center."
            )
        raise refused

    @contextmanager
    def reporting_failure(self, expected: str | None) -> Iterator[None]:
        """Tell listeners of a login that fails.

        Args:
            expected: The user who should log in, if one was named.
        """
        try:
            yield
        except (OAuthError, TokenNotSaved) as error:
            told = copy_error(error)
            who = expected or error.user
            failed = LoginFailed(at=self._clock(), error=told, token_id=error.token_id, user=who)
            self._emit(failed)
            raise

    def _enroll_then_raise(
        self, granted: Token, doubts: list[UntrustedServer], expected: str | None
    ) -> Token:
        """Keep what a code brought, whatever is wrong with it, and raise that afterwards."""
        try:
            saved = self.enroll(granted, expected=expected)
        except EvergrantError as error:
            for doubt in doubts:
                error.hint = f"{doubt.message}. {error.hint}"
            raise
        for doubt in doubts:
            doubt.token_id, doubt.user = saved.id, saved.user_name
            raise doubt
        return saved

    def _completed_login(self, code: str) -> Token | None:
        until = time.monotonic() + EXCHANGE_TIMEOUT_S
        while self._codes.is_in_progress(code) and time.monotonic() < until:
            time.sleep(POLL_S)
        client = self._accounts.require_client()
        asked = Token(grant_token=code, client_id=client.client_id, client_secret="any")  # noqa: S106 - no secret: that there is one
        known = self._store.find_token(asked)
        return known if known and known.user_name else None

    def enroll(self, granted: Token, *, expected: str | None) -> Token:
        """Save a new grant under its owner's name; return it as stored.

        Args:
            expected: The e-mail address or full name that should have logged in, or a key of the
                caller's own to keep the grant under, or None for any user.

        Raises:
            PolicyRefused: The policy does not allow the login; it was not kept.
            TokenNotSaved: The store cannot take it; the lifeboat holds it.
            MissingScope: Zoho does not let us ask whose it is; it is stored without a name.
            ConsentDenied: Another user logged in; the grant is stored under their name.
            NoRefreshToken: The grant is stored, but lasts an hour only.
        """
        granted = self._check_grant(granted)
        if is_custom_key(expected):
            saved = self._saver.save_login(replace(granted, user_name=expected))
        else:
            saved = self._save_then_identify(granted)
        if not granted.refresh_token and self._rate_limiter.is_dead(saved):
            raise _no_refresh_token_error(saved)  # the grant from before is of no use
        return self._finish(_require_expected(saved, expected))

    def enroll_as_is(self, granted: Token, *, find_user: bool) -> Token:
        """Save a new grant under the name that it carries, whatever that is; return it as stored.

        Args:
            find_user: Ask Zoho whose it is if it carries no name. A grant that does not cover
                the question stays without one.

        Raises:
            PolicyRefused: The policy does not allow the login; it was not kept.
            TokenNotSaved: The store cannot take it; the lifeboat holds it.
        """
        granted = self._check_grant(granted)
        if granted.user_name or not find_user:
            saved = self._saver.save_login(granted)
            if row := self._former_rows.find(saved):
                saved = self._saver.save_login(saved, row)
        else:
            try:
                saved = self._save_then_identify(granted)
            except OAuthError as error:
                _logger.warning("the user of a grant cannot be looked up: %s", error)
                saved = self._saver.save_login(granted)
        if granted.grant_token and not saved.refresh_token:
            _logger.warning("%s", _no_refresh_token_error(saved))
        return self._finish(saved)

    def _check_grant(self, granted: Token) -> Token:
        """Refuse a grant of too many scopes before it is stored."""
        if violation := self._enforcer.scope_violation(granted):
            try:
                self._accounts.revoke(granted)  # what its user has already stays as it is
            except EvergrantError as error:
                raise still_alive_error(violation, granted, self._accounts, error) from error
            raise violation
        return replace(granted, last_used_at=self._enforcer.now())

    def _save_then_identify(self, granted: Token) -> Token:
        kept, unsaved = granted, None
        try:
            # The code is spent: before anything else can fail, what it brought must be safe.
            kept = self._saver.save_login(granted)
        except TokenNotSaved as error:
            unsaved = error  # it waits in the lifeboat, and is of little use without a name
        try:
            name, org_id = self._accounts.fetch_owner(kept)
        except (OAuthError, ConfigError) as error:
            if unsaved is not None:
                raise unsaved from unsaved.__cause__
            error.token_id, error.retryable = kept.id, False  # the code works once
            error.hint = f"{error.hint} The grant is stored under its id, without a name.".strip()
            raise
        named = replace(kept, user_name=name, org_id=org_id)
        return self._saver.save_login(named, self._former_rows.find(named))

    def _finish(self, token: Token) -> Token:
        """Hold a stored login to the policy, and tell listeners of it."""
        if violation := self._enforcer.violation(token):
            raise self._reject(token, violation)
        self._enforcer.record_login(token)
        data_center = self._accounts.data_center_of(token)
        now = self._clock()
        login = identify(token)
        self._emit(LoggedIn(at=now, data_center=data_center.code, scopes=token.scopes, **login))
        if token.grant_token:
            self._codes.mark_stored(token.grant_token)
        grants = self._rate_limiter.add_grant(token) if token.refresh_token else 0
        if grants >= MAX_GRANTS - WARN_WHEN_GRANTS_LEFT:
            near = GrantLimitNear(at=now, count=grants, most=MAX_GRANTS, **identify(token))
            self._emit(near)
        return token

    def _reject(self, token: Token, violation: PolicyRefused) -> PolicyRefused:
        try:
            self._revocation.revoke(token)
        except (OAuthError, ConfigError) as error:
            # It must not stay all the same, for the policy to hold while Zoho does not answer.
            with suppress(TokenNotFound):
                self._revocation.forget(token)
            return still_alive_error(violation, token, self._accounts, error)
        return violation


def is_custom_key(user: str | None) -> bool:
    """Return True if a user name is the caller's own key, not an e-mail address to compare."""
    return user is not None and "@" not in user


def _require_expected(saved: Token, expected: str | None) -> Token:
    """Return a stored login if it is the expected user's, and lasts.

    Raises:
        ConsentDenied: Another user logged in.
        NoRefreshToken: It lasts an hour only.
    """
    name = saved.user_name or ""
    if expected and not belongs_to(name, expected):
        raise ConsentDenied(
            f"{name} logged in, not {expected}",
            token_id=saved.id,
            user=name,
            hint="The grant is stored under that user's name; revoke it if unwanted.",
        )
    if not saved.refresh_token:
        raise _no_refresh_token_error(saved)
    return saved


def _no_refresh_token_error(saved: Token) -> NoRefreshToken:
    return NoRefreshToken(
        "Zoho sent no refresh token; the login lasts until its access token expires",
        token_id=saved.id,
        user=saved.user_name,
        hint="Log in again with prompt_consent=True (prompt=consent).",
    )
