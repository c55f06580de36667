"""Login with Zoho in a browser, independent of the web framework."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

from evergrant._masking import masks_locals
from evergrant._oauth.redirect import parse_redirect
from evergrant._scopes import read_scopes
from evergrant.errors import (
    AccountsUnavailable,
    AmbiguousUser,
    CodeSpent,
    ConsentDenied,
    EvergrantError,
    LoginRequired,
    NoRefreshToken,
    StoreUnavailable,
    Throttled,
    TokenNotFound,
    TokenNotSaved,
    UntrustedServer,
)
from evergrant.integrations.pages import page
from evergrant.integrations.urls import LoginUrls, safe_path
from evergrant.keeper import Keeper

__all__ = ["CROSS_SITE_LOGOUT", "USER_KEY", "HttpProblem", "WebLogin", "problem_for", "safe_path"]

DEFAULT_URLS = LoginUrls()

USER_KEY = "zoho_user"
"""The session key of the logged-in user's name."""

PENDING_KEY = "zoho_login"
"""The session key of the started logins: the browser binding, and the target of each."""

MAX_LOGINS = 5
"""How many logins a session remembers. The session may be a cookie, which holds 4,096 bytes."""

MAX_TARGET_LENGTH = 400
"""The longest path that is remembered, in characters."""

MAX_RETRY_AFTER_S = 3_600.0
"""The longest ``Retry-After``. Zoho's limits count the last hour only."""

CROSS_SITE_LOGOUT = "Log out by a button of this site."
"""The answer to a logout that a page of another site caused."""

IF_ACCEPTED = (
    "If you did accept at Zoho, wait ten minutes first: "
    "Zoho gives the same answer after an app's tenth login in that time."
)
"""Added if a login was denied: Zoho answers the same when its limit for logins is reached."""

Session = MutableMapping[str, Any]


class WebLogin:
    """The login of a web app, for any framework that has a session for each browser.

    Args:
        keeper: Logs users in, with its client.
        scopes: The scopes to ask for.
    """

    def __init__(self, keeper: Keeper, scopes: str | Iterable[str]) -> None:
        self.keeper = keeper
        self._scopes = read_scopes(scopes)

    @masks_locals
    def begin(
        self,
        session: Session,
        target: str | None = None,
        *,
        prompt_consent: bool = False,
        urls: LoginUrls = DEFAULT_URLS,
    ) -> str:
        """Return the address at Zoho to redirect the browser to.

        Args:
            session: The browser's session.
            target: The path to go to after the login.
            prompt_consent: Ask for consent even if the user gave it before.
            urls: The URLs of the login pages.
        """
        # Earlier logins of this browser stay valid: each continues in its own tab.
        bound, logins = _started_logins(session)
        bound = bound or secrets.token_urlsafe(32)
        address = self.keeper.authorization_url(
            self._scopes, session=bound, prompt_consent=prompt_consent
        )
        wanted = urls.target(target)
        begun = _StartedLogin(
            _state_key(address), wanted if len(wanted) <= MAX_TARGET_LENGTH else urls.front
        )
        session[PENDING_KEY] = {"bound": bound, "logins": [*logins, begun][-MAX_LOGINS:]}
        return address

    @masks_locals
    def finish(self, session: Session, query: str, *, urls: LoginUrls = DEFAULT_URLS) -> str:
        """Finish a login with the redirect's query string; return where to send the browser.

        That is a path of this site. If Zoho sent no refresh token, because the user had consented
        before, it is Zoho once more.

        Raises:
            UntrustedServer: The login was not started in this browser, or the redirect is not ours.
            EvergrantError: As `Keeper.complete_login`.
        """
        bound, logins = _started_logins(session)
        mine = next((login for login in logins if login.key == _state_key(query)), None)
        if mine and mine.is_done and self.is_logged_in(session):
            return urls.target(mine.target)  # the browser reloaded the page
        others = [login for login in logins if login is not mine]
        try:
            began_in = bound or secrets.token_urlsafe(32)
            token = self.keeper.complete_login(query, session=began_in, repeatable=True)
        except NoRefreshToken:
            session[PENDING_KEY] = {"bound": bound, "logins": others}
            return self.begin(session, mine and mine.target, prompt_consent=True, urls=urls)
        except UntrustedServer:
            if mine is None and self.is_logged_in(session):
                return urls.front  # an old login, by a bookmark or the back button
            raise
        # Only now: any site can send a browser here, which must not end a login in progress.
        done = _StartedLogin(_state_key(query), mine.target if mine else urls.front, is_done=True)
        session[PENDING_KEY] = {"bound": bound, "logins": [*others, done][-MAX_LOGINS:]}
        session[USER_KEY] = token.user_name
        return urls.target(done.target)

    def return_url(self, session: Session, query: str, *, urls: LoginUrls = DEFAULT_URLS) -> str:
        """Return the address that starts a new login, for the tab in which a login failed."""
        mine = (login for login in _started_logins(session)[1] if login.key == _state_key(query))
        target = next((login.target for login in mine), urls.front)
        return f"{urls.login}?{urlencode({'next': target})}" if target != urls.front else urls.login

    @masks_locals
    def error_page(
        self, problem: HttpProblem, session: Session, query: str, *, urls: LoginUrls = DEFAULT_URLS
    ) -> str:
        """Return the page that a browser shows for a problem, with links to continue."""
        helps = problem.login or problem.status == HTTPStatus.BAD_REQUEST
        login = self.return_url(session, query, urls=urls) if helps else None
        text = f"{problem.text} {problem.more}".strip()
        return page(text, front=urls.front, login=login)

    def is_logged_in(self, session: Session) -> bool:
        """Return True if the session has a logged-in user; asks neither the store nor Zoho."""
        return isinstance(session.get(USER_KEY), str)

    def user(self, session: Session) -> str:
        """Return the name of the logged-in user.

        Raises:
            LoginRequired: No user is logged in.
        """
        name = session.get(USER_KEY)
        if not isinstance(name, str):
            raise LoginRequired("no user is logged in here")
        return name

    @masks_locals
    def log_out(self, session: Session, *, revoke: bool = False) -> None:
        """Log the user out of this session, even if the grant cannot be revoked.

        Args:
            session: The browser's session.
            revoke: Also revoke the grant at Zoho, for every app that uses this store.

        Raises:
            EvergrantError: The grant could not be revoked. It stays.
        """
        name = session.pop(USER_KEY, None)
        session.pop(PENDING_KEY, None)
        if revoke and name:
            with suppress(TokenNotFound):  # it is gone already
                self.keeper.revoke(name)


class _StartedLogin(NamedTuple):
    """A login that was started in a session.

    Attributes:
        key: Identifies the login in its session.
        target: The path to go to afterwards.
        is_done: True if the login has succeeded.
    """

    key: str
    target: str
    is_done: bool = False


def _started_logins(session: Session) -> tuple[str | None, list[_StartedLogin]]:
    """Return the value that binds a session's logins to its browser, and these, oldest first."""
    held = session.get(PENDING_KEY)
    if not isinstance(held, dict):
        return None, []
    return held["bound"], [_StartedLogin(*login) for login in held["logins"]]


def _state_key(address: str) -> str:
    """Return the key of a login, from an address or query with its state."""
    return sha256(parse_redirect(address).state.encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class HttpProblem:
    """The HTTP response for an evergrant error.

    Attributes:
        status: The HTTP status.
        text: The message for users, without secrets or other users' names.
        retry_after: Seconds after which the same request may succeed, or None if unknown.
        login: True if a new login helps.
        again: True if that login needs a new consent: without one, Zoho sends no refresh token.
        more: A second sentence for the error page.
    """

    status: HTTPStatus
    text: str
    retry_after: int | None = None
    login: bool = False
    again: bool = False
    more: str = ""

    def login_url(self, login: str, here: str) -> str:
        """Return the address of the login page that comes back to ``here``."""
        query = {"next": here} | ({"again": "1"} if self.again else {})
        return f"{login}?{urlencode(query)}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the response."""
        if self.retry_after is None:
            return {"Cache-Control": "no-store"}
        return {"Cache-Control": "no-store", "Retry-After": str(self.retry_after)}


_LOGIN_HELPS = (AmbiguousUser, LoginRequired, NoRefreshToken, TokenNotFound)
_TIME_RULES = ("session_timeout", "idle_timeout", "max_age")
_LOGIN_REFUSED = (ConsentDenied, CodeSpent, UntrustedServer)
_TRY_LATER = (AccountsUnavailable, StoreUnavailable, TokenNotSaved)


def problem_for(error: EvergrantError) -> HttpProblem:
    """Return the HTTP response for an evergrant error."""
    if isinstance(error, _LOGIN_HELPS):
        rule = getattr(error, "rule", None)
        if rule not in (None, *_TIME_RULES):
            text = "This login is not allowed here. Its administrator knows why."
            return HttpProblem(HTTPStatus.FORBIDDEN, text)
        # If the error names a user, that user's grant has ended and needs a new consent.
        again = bool(error.user) and rule in (None, "max_age")
        return HttpProblem(HTTPStatus.UNAUTHORIZED, "Log in with Zoho to go on.", None, True, again)
    if isinstance(error, Throttled):
        left = (error.retry_at - datetime.now(UTC)).total_seconds()
        left = min(left, MAX_RETRY_AFTER_S)  # an app may use its own clock
        text = "Zoho accepts no more requests for now. Try again later."
        return HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, text, max(1, math.ceil(left)))
    if isinstance(error, _LOGIN_REFUSED):
        text = "The login did not succeed. Start it again."
        more = IF_ACCEPTED if isinstance(error, ConsentDenied) else ""
        return HttpProblem(HTTPStatus.BAD_REQUEST, text, more=more)
    if isinstance(error, _TRY_LATER) and error.retryable is not False:
        text = "Zoho or the token store does not answer. Try again later."
        return HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, text, 5)
    return HttpProblem(
        HTTPStatus.BAD_GATEWAY, "Zoho could not be called. Its administrator knows why."
    )
