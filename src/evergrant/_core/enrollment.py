"""Takes a new grant in: save it before anything else, then learn whose it is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from evergrant._core.saver import Saver
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._oauth.protocol import IDENTITY_SCOPES
from evergrant._scopes import read_scopes
from evergrant._user_names import belongs_to
from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.errors import ConfigError, ConsentDenied, NoRefreshToken, OAuthError, TokenNotSaved
from evergrant.events import Listener, LoginFailed
from evergrant.token import Token

__all__ = [
    "add_identity_scopes",
    "enroll",
    "enroll_as_is",
    "is_custom_key",
    "reporting_failure",
    "require_expected",
]

Former = Callable[[Token], Token | None]

_logger = RateLimitedLog()


@contextmanager
def reporting_failure(emit: Listener, clock: Clock, expected: str | None) -> Iterator[None]:
    """Tell whoever listens of a login that does not succeed.

    Args:
        expected: Who should log in, if anybody was named.
    """
    try:
        yield
    except (OAuthError, TokenNotSaved) as error:
        told = copy.copy(error)  # without the traceback, which keeps all its frames alive
        who = expected or error.user
        emit(LoginFailed(at=clock(), error=told, token_id=error.token_id, user=who))
        raise


def is_custom_key(user: str | None) -> bool:
    """Return True if a user name is the caller's own key, not an e-mail address to compare."""
    return user is not None and "@" not in user


def add_identity_scopes(scopes: str | Iterable[str]) -> list[str]:
    """Return the scopes, and what else it takes to learn whose the grant is."""
    wanted = list(read_scopes(scopes))
    have = {scope.lower() for scope in wanted}
    for scope in IDENTITY_SCOPES:
        area = scope.rpartition(".")[0].lower()
        if not have & {f"{area}.read", f"{area}.all"}:
            wanted.append(scope)
    return wanted


def enroll(
    granted: Token,
    accounts: Accounts,
    saver: Saver,
    former: Former,
    is_dead: Callable[[Token], bool],
    *,
    expected: str | None,
) -> Token:
    """Save a new grant under its owner's name; return it as stored.

    Args:
        former: Returns the row of the same user by a former name, if there is one.
        is_dead: Says whether Zoho called a grant dead.
        expected: The e-mail address or full name that should have logged in, or a key of the
            caller's own to keep the grant under; None: whoever it is.

    Raises:
        TokenNotSaved: The store cannot take it; the lifeboat holds it.
        MissingScope: Zoho does not let us ask whose it is; it is stored without a name.
        ConsentDenied: Somebody else logged in; the grant is stored under their name.
        NoRefreshToken: The grant is stored, but lasts an hour only.
    """
    if is_custom_key(expected):
        saved = saver.save_login(replace(granted, user_name=expected))
    else:
        saved = _save_then_identify(granted, accounts, saver, former)
    if not granted.refresh_token and is_dead(saved):
        raise _no_refresh_token_error(saved)  # what the store has from before is of no use
    return require_expected(saved, expected)


def require_expected(saved: Token, expected: str | None) -> Token:
    """Return a stored login if it is who was expected, and lasts.

    Raises:
        ConsentDenied: Somebody else logged in.
        NoRefreshToken: It lasts an hour only.
    """
    name = saved.user_name or ""
    if expected and not belongs_to(name, expected):
        raise ConsentDenied(
            f"{name} logged in, not {expected}",
            token_id=saved.id,
            user=name,
            hint="The grant is stored under the name of who gave it; revoke it if unwanted.",
        )
    if not saved.refresh_token:
        raise _no_refresh_token_error(saved)
    return saved


def enroll_as_is(
    granted: Token, accounts: Accounts, saver: Saver, former: Former, *, find_user: bool
) -> Token:
    """Save a new grant under the name that it carries, whatever that is; return it as stored.

    Args:
        former: Returns the row of the same user by a former name, if there is one.
        find_user: Ask Zoho whose it is where it carries no name. A grant that does not cover the
            question stays without one.

    Raises:
        TokenNotSaved: The store cannot take it; the lifeboat holds it.
    """
    if granted.user_name or not find_user:
        saved = saver.save_login(granted)
        if row := former(saved):
            saved = saver.save_login(saved, row)
    else:
        try:
            saved = _save_then_identify(granted, accounts, saver, former)
        except OAuthError as error:
            _logger.warning("the user of a grant cannot be looked up: %s", error)
            saved = saver.save_login(granted)
    if granted.grant_token and not saved.refresh_token:
        _logger.warning("%s", _no_refresh_token_error(saved))
    return saved


def _no_refresh_token_error(saved: Token) -> NoRefreshToken:
    return NoRefreshToken(
        "Zoho sent no refresh token; the login lasts until its access token expires",
        token_id=saved.id,
        user=saved.user_name,
        hint="Log in again with prompt_consent=True (prompt=consent).",
    )


def _save_then_identify(granted: Token, accounts: Accounts, saver: Saver, former: Former) -> Token:
    kept, unsaved = granted, None
    try:
        # The code is spent: before anything else can fail, what it bought must be safe.
        kept = saver.save_login(granted)
    except TokenNotSaved as error:
        unsaved = error  # it waits in the lifeboat, and is of little use without a name
    try:
        name, org_id = accounts.fetch_owner(kept)
    except (OAuthError, ConfigError) as error:
        if unsaved is not None:
            raise unsaved from unsaved.__cause__
        error.token_id, error.retryable = kept.id, False  # the code works once
        error.hint = f"{error.hint} The grant is stored under its id, without a name.".strip()
        raise
    named = replace(kept, user_name=name, org_id=org_id)
    return saver.save_login(named, former(named))
