"""Logging in with Zoho by a browser, whatever the web framework; nothing here depends on one."""

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
"""Where a session keeps the name of who is logged in."""

PENDING_KEY = "zoho_login"
"""Where a session keeps what its logins are bound to, and where each of them goes."""

MAX_LOGINS = 5
"""How many logins of a session are remembered: a cookie, which it may be, has 4,096 bytes."""

MAX_TARGET_LENGTH = 400
"""Characters of the longest path that is remembered."""

MAX_RETRY_AFTER_S = 3_600.0
"""Seconds that a browser is asked to wait at the most: Zoho's limits look back an hour."""

CROSS_SITE_LOGOUT = "Log out by a button of this site."
"""What to tell whom another site's page had log out."""

IF_ACCEPTED = (
    "If you did accept at Zoho, wait ten minutes first: "
    "Zoho gives the same answer after an app's tenth login in that time."
)
"""What to tell who was denied, or met the limit: Zoho answers both alike."""

Session = MutableMapping[str, Any]


class WebLogin:
    """The login of a web app, for any framework that has a session for each browser.

    Args:
        keeper: Whose client logs people in.
        scopes: What to ask for.
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
        """Return the address at Zoho to send the browser to.

        Args:
            session: The browser's.
            target: The path to go to afterwards.
            again: Have Zoho ask for consent, also if the user gave it before.
            site: Where the app is.
        """
        # Logins under way stay good: each goes on in its own tab.
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
        """Finish a login with the query string that the browser brought; return where to go.

        That is a path of this site; or Zoho once more, where it sent no refresh token because the
        user had consented before.

        Raises:
            UntrustedServer: The login was not begun in this browser, or the redirect is not ours.
            EvergrantError: As `Keeper.complete_login`.
        """
        bound, logins = _started_logins(session)
        mine = next((login for login in logins if login.key == _state_key(query)), None)
        if mine and mine.is_done and self.is_logged_in(session):
            return urls.target(mine.target)  # the page is loaded again
        others = [login for login in logins if login is not mine]
        try:
            began_in = bound or secrets.token_urlsafe(32)
            token = self.keeper.complete_login(query, session=began_in, repeatable=True)
        except NoRefreshToken:
            session[PENDING_KEY] = {"bound": bound, "logins": others}
            return self.begin(session, mine and mine.target, prompt_consent=True, urls=urls)
        except UntrustedServer:
            if mine is None and self.is_logged_in(session):
                return urls.front  # a bookmark, or the way back, to a login of long ago
            raise
        # Not before: anybody's page can send a browser here, and would end the login under way.
        done = _StartedLogin(_state_key(query), mine.target if mine else urls.front, is_done=True)
        session[PENDING_KEY] = {"bound": bound, "logins": [*others, done][-MAX_LOGINS:]}
        session[USER_KEY] = token.user_name
        return urls.target(done.target)

    def return_url(self, session: Session, query: str, *, urls: LoginUrls = DEFAULT_URLS) -> str:
        """Return the page that begins a login anew, for the tab that one did not succeed in."""
        mine = (login for login in _started_logins(session)[1] if login.key == _state_key(query))
        target = next((login.target for login in mine), urls.front)
        return f"{urls.login}?{urlencode({'next': target})}" if target != urls.front else urls.login

    @masks_locals
    def error_page(
        self, problem: HttpProblem, session: Session, query: str, *, urls: LoginUrls = DEFAULT_URLS
    ) -> str:
        """Return what a person sees of a problem in a browser, with the ways on."""
        helps = problem.login or problem.status == HTTPStatus.BAD_REQUEST
        login = self.return_url(session, query, urls=urls) if helps else None
        text = f"{problem.text} {problem.more}".strip()
        return page(text, front=urls.front, login=login)

    def is_logged_in(self, session: Session) -> bool:
        """Return True if somebody is logged in here; asks neither the store nor Zoho."""
        return isinstance(session.get(USER_KEY), str)

    def user(self, session: Session) -> str:
        """Return the name of who is logged in.

        Raises:
            LoginRequired: Nobody is.
        """
        name = session.get(USER_KEY)
        if not isinstance(name, str):
            raise LoginRequired("nobody is logged in here")
        return name

    @masks_locals
    def log_out(self, session: Session, *, revoke: bool = False) -> None:
        """Forget who is logged in, whatever becomes of the grant.

        Args:
            session: The browser's.
            revoke: End the grant at Zoho too, for every app that uses this store.

        Raises:
            EvergrantError: The grant could not be revoked, and stays.
        """
        name = session.pop(USER_KEY, None)
        session.pop(PENDING_KEY, None)
        if revoke and name:
            with suppress(TokenNotFound):  # it is over already
                self.keeper.revoke(name)


class _StartedLogin(NamedTuple):
    """A login of a session.

    Attributes:
        key: Tells it from the others.
        target: Where it goes.
        is_done: Whether it has succeeded.
    """

    key: str
    target: str
    is_done: bool = False


def _started_logins(session: Session) -> tuple[str | None, list[_StartedLogin]]:
    """Return what the session's logins are bound to, and the logins, the oldest first."""
    held = session.get(PENDING_KEY)
    if not isinstance(held, dict):
        return None, []
    return held["bound"], [_StartedLogin(*login) for login in held["logins"]]


def _state_key(address: str) -> str:
    """Return what tells a login from others, by an address or query that carries its state."""
    return sha256(parse_redirect(address).state.encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class HttpProblem:
    """What to answer where an error of ours ends a request.

    Attributes:
        status: The HTTP status.
        text: What to tell people; shows no secret, and no name of somebody else.
        retry_after: Seconds after which the same request may succeed; None: nobody knows.
        login: Whether a login mends it.
        more: What to tell people besides, on a page.
        again: Whether that takes a new consent: without, Zoho sends no refresh token.
    """

    status: HTTPStatus
    text: str
    retry_after: int | None = None
    login: bool = False
    again: bool = False
    more: str = ""

    def login_url(self, login: str, here: str) -> str:
        """Return the address of the page ``login`` that comes back to ``here``."""
        query = {"next": here} | ({"again": "1"} if self.again else {})
        return f"{login}?{urlencode(query)}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        if self.retry_after is None:
            return {"Cache-Control": "no-store"}
        return {"Cache-Control": "no-store", "Retry-After": str(self.retry_after)}


_LOGIN_HELPS = (AmbiguousUser, LoginRequired, NoRefreshToken, TokenNotFound)
_TIME_RULES = ("session_timeout", "idle_timeout", "max_age")
_LOGIN_REFUSED = (ConsentDenied, CodeSpent, UntrustedServer)
_TRY_LATER = (AccountsUnavailable, StoreUnavailable, TokenNotSaved)


def problem_for(error: EvergrantError) -> HttpProblem:
    """Return what to answer where an error of ours ends a request."""
    if isinstance(error, _LOGIN_HELPS):
        rule = getattr(error, "rule", None)
        if rule not in (None, *_TIME_RULES):
            text = "This login is not allowed here. Its administrator knows why."
            return HttpProblem(HTTPStatus.FORBIDDEN, text)
        # Of somebody who is logged in, the grant itself is over: not so where nobody is.
        again = bool(error.user) and rule in (None, "max_age")
        return HttpProblem(HTTPStatus.UNAUTHORIZED, "Log in with Zoho to go on.", None, True, again)
    if isinstance(error, Throttled):
        left = (error.retry_at - datetime.now(UTC)).total_seconds()
        left = min(left, MAX_RETRY_AFTER_S)  # an app may have a clock of its own
        text = "Zoho takes no more requests for now. Try again later."
        return HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, text, max(1, math.ceil(left)))
    if isinstance(error, _LOGIN_REFUSED):
        text = "The login did not succeed. Begin it again."
        more = IF_ACCEPTED if isinstance(error, ConsentDenied) else ""
        return HttpProblem(HTTPStatus.BAD_REQUEST, text, more=more)
    if isinstance(error, _TRY_LATER) and error.retryable is not False:
        text = "Zoho, or the store of tokens, does not answer. Try again later."
        return HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, text, 5)
    return HttpProblem(
        HTTPStatus.BAD_GATEWAY, "Zoho could not be called. Its administrator knows why."
    )
