"""Turns a one-time code into a stored login, also when it comes twice."""

from __future__ import annotations

import time

from evergrant._core.enrollment import reporting_failure, require_expected
from evergrant._core.manager import TokenManager
from evergrant.datacenter import DataCenter
from evergrant.errors import CodeSpent, EvergrantError, NoRefreshToken, UntrustedServer
from evergrant.token import Token

__all__ = ["log_in", "log_in_from_console"]

POLL = 0.05
"""Seconds between two looks."""

EXCHANGE = 20.0
"""Seconds that another may take for the same code."""


def log_in(
    manager: TokenManager,
    code: str,
    where: DataCenter,
    *,
    expected: str | None,
    redirect_url: str | None,
    verifier: str | None,
    is_bound: bool,
) -> Token:
    """Return the login that a redirect's code stands for.

    Browsers load pages again. Whoever brings the code a second time, in the session that it was
    sent out for, is answered by what it brought the first time.

    Args:
        is_bound: The redirect was brought back by the very session that began the login.

    Raises:
        CodeSpent: The code was used, and not for a login that was completed; or nothing says that
            it is the same browser's.
        OAuthError: As `evergrant.keeper.Keeper.complete_login`.
    """
    doubts: list[UntrustedServer] = []
    with reporting_failure(manager.emit, manager.clock, expected):
        try:
            granted = manager.codes.exchange(
                manager.accounts,
                code,
                where,
                redirect_url=redirect_url,
                verifier=verifier,
                warn=doubts.append,
            )
        except CodeSpent:
            known = _completed(manager, code) if is_bound else None
            if known is None:
                raise
            return require_expected(known, expected)
        return _admitted(manager, granted, doubts, expected)


def _admitted(
    manager: TokenManager, granted: Token, doubts: list[UntrustedServer], expected: str | None
) -> Token:
    """Keep what a code brought, whatever is wrong with it, and raise that afterwards."""
    try:
        saved = manager.enroll(granted, expected=expected)
    except EvergrantError as error:
        for doubt in doubts:
            error.hint = f"{doubt.message}. {error.hint}"
        raise
    for doubt in doubts:
        doubt.token_id, doubt.user = saved.id, saved.user_name
        raise doubt
    return saved


def _completed(manager: TokenManager, code: str) -> Token | None:
    until = time.monotonic() + EXCHANGE
    while manager.codes.is_in_progress(code) and time.monotonic() < until:
        time.sleep(POLL)
    client = manager.accounts.require_client()
    asked = Token(grant_token=code, client_id=client.client_id, client_secret="any")  # noqa: S106 - no secret: that there is one
    known = manager.store.find_token(asked)
    return known if known and known.user_name else None


def log_in_from_console(
    manager: TokenManager, code: str, where: DataCenter, *, expected: str | None
) -> Token:
    """Return the login that a code from Zoho's API console stands for.

    Raises:
        OAuthError: As `evergrant.keeper.Keeper.login_with_code`.
    """
    doubts: list[UntrustedServer] = []
    with reporting_failure(manager.emit, manager.clock, expected):
        granted = manager.codes.exchange(manager.accounts, code, where, warn=doubts.append)
        try:
            return _admitted(manager, granted, doubts, expected)
        except NoRefreshToken as error:
            error.hint = (
                "Nobody can be asked again for such a code. Make a new one in the API console, and "
                "log in with that. If it brings none either, remove the app under Connected apps "
                f"at {where.accounts_url}/home first, or log in by browser with "
                "prompt_consent=True (prompt=consent)."
            )
            raise
