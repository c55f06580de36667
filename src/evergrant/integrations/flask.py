"""Flask: an extension that logs users in with Zoho, and calls Zoho as them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, wraps
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import masks_locals
from evergrant._network.http_client import open_client
from evergrant._text import printable
from evergrant.errors import EvergrantError, MissingExtra
from evergrant.integrations.pages import PAGE_HEADERS, wants_page
from evergrant.integrations.urls import LoginUrls, is_cross_site
from evergrant.integrations.web import CROSS_SITE_LOGOUT, WebLogin, problem_for
from evergrant.keeper import Keeper

try:
    from flask import (
        Blueprint,
        Flask,
        current_app,
        g,
        jsonify,
        redirect,
        request,
        session,
    )
except ModuleNotFoundError:
    raise MissingExtra("the integration with Flask", extra="flask") from None

import httpx2

__all__ = ["Zoho"]

P = ParamSpec("P")
T = TypeVar("T")
_app_log = cache(RateLimitedLog)  # one log per app, by name


class Zoho:
    """A Flask extension; the app needs a ``SECRET_KEY`` for its sessions.

    Args:
        app: The Flask app; it may also be passed to ``init_app`` later.
        keeper: Logs users in, with its client. The redirect URL must end in ``{prefix}/callback``.
        scopes: The scopes to ask for.
        prefix: The path of the login pages.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        keeper: Keeper,
        scopes: str | Iterable[str],
        prefix: str = "/zoho",
    ) -> None:
        self._login = WebLogin(keeper, scopes)
        self._keeper = keeper
        self._prefix = prefix
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add the login pages, and a handler for `EvergrantError`."""
        pages = Blueprint("zoho", __name__, url_prefix=self._prefix)
        pages.get("/login", endpoint="login")(self._begin_login)
        pages.get("/callback", endpoint="callback")(self._finish_login)
        pages.post("/logout", endpoint="logout")(self._log_out)
        app.register_blueprint(pages)
        app.register_error_handler(EvergrantError, self._handle_error)
        app.teardown_appcontext(_close_client)
        app.extensions["evergrant"] = self

    @property
    def user(self) -> str:
        """The name of the logged-in user; raises `LoginRequired` if no user is logged in."""
        return self._login.user(session)

    @property
    def is_logged_in(self) -> bool:
        """Whether the session has a logged-in user; asks neither the store nor Zoho."""
        return self._login.is_logged_in(session)

    @property
    def client(self) -> httpx2.Client:
        """A client that signs requests for the logged-in user; closed at the end of the request."""
        if "zoho_client" not in g:
            g.zoho_client = open_client(auth=self._keeper.auth(self.user))
        client: httpx2.Client = g.zoho_client
        return client

    @property
    def api_domain(self) -> str:
        """The API domain of the logged-in user, such as https://www.zohoapis.eu."""
        return self._keeper.find(self.user).api_domain or ""

    def login_required(self, view: Callable[P, T]) -> Callable[P, T]:
        """Decorate a view for logged-in users only; other users are redirected to the login."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            self._login.user(session)
            answer: T = current_app.ensure_sync(view)(*args, **kwargs)  # a view may be a coroutine
            return answer

        return guarded

    def _urls(self) -> LoginUrls:
        return LoginUrls.mounted_at(request.root_path, self._prefix)

    def _begin_login(self) -> Any:
        target, again = request.args.get("next"), "again" in request.args
        return _redirect(
            self._login.begin(session, target, prompt_consent=again, urls=self._urls())
        )

    @masks_locals
    def _finish_login(self) -> Any:
        query = request.query_string.decode(errors="replace")
        return _redirect(self._login.finish(session, query, urls=self._urls()))

    def _log_out(self) -> Any:
        if is_cross_site(request.headers.get):
            return jsonify(detail=CROSS_SITE_LOGOUT), HTTPStatus.FORBIDDEN
        self._login.log_out(session, revoke=request.args.get("revoke") == "1")
        return _redirect(self._urls().target(request.args.get("next")))

    def _handle_error(self, error: EvergrantError) -> Any:
        _app_log(current_app.logger.name).info(
            "%s %s: %s", request.method, printable(request.path), error, kind=type(error)
        )
        problem, site = problem_for(error), self._urls()
        here = quote(request.root_path.rstrip("/") + request.path)
        if not wants_page(request.headers.get):
            return jsonify(detail=problem.text), problem.status, problem.headers
        query = request.query_string.decode(errors="replace")
        # Never from a login page itself: that would be an endless loop.
        if problem.login and request.method == "GET" and not site.is_login_page(here):
            here = urlsplit(here)._replace(query=query).geturl()
            return _redirect(problem.login_url(site.login, here))
        text = self._login.error_page(problem, session, query, urls=site)
        return text, problem.status, PAGE_HEADERS | problem.headers


def _redirect(address: str) -> Any:
    answer = redirect(address, HTTPStatus.SEE_OTHER)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _close_client(_: BaseException | None) -> None:
    if client := g.pop("zoho_client", None):
        client.close()
