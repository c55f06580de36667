"""Flask: an extension that logs people in with Zoho, and calls it as them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar, cast

from evergrant.errors import EvergrantError, MissingExtra
from evergrant.integrations.web import WebLogin, problem_of
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
_logger = logging.getLogger("evergrant")


class Zoho:
    """A Flask extension; the app needs a ``SECRET_KEY`` for its sessions.

    Args:
        app: May follow later, by ``init_app``.
        keeper: Whose client logs people in; its redirect URL must lead to ``{prefix}/callback``.
        scopes: What to ask for.
        prefix: Where the pages of the login are.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        keeper: Keeper,
        scopes: Iterable[str],
        prefix: str = "/zoho",
    ) -> None:
        self._login = WebLogin(keeper, scopes)
        self._keeper = keeper
        self._prefix = prefix
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add the pages of the login, and what answers where an error of ours ends a request."""
        pages = Blueprint("zoho", __name__, url_prefix=self._prefix)
        pages.get("/login")(self._begin_login)
        pages.get("/callback")(self._finish_login)
        pages.post("/logout")(self._log_out)
        app.register_blueprint(pages)
        app.register_error_handler(EvergrantError, self._answer)
        app.teardown_appcontext(_close_client)
        app.extensions["evergrant"] = self

    @property
    def user(self) -> str:
        """The name of who is logged in; raises `LoginRequired` where nobody is."""
        return self._login.user(session)

    @property
    def client(self) -> httpx2.Client:
        """A client whose requests are signed for who is logged in; it lives with the request."""
        if "zoho_client" not in g:
            g.zoho_client = httpx2.Client(auth=self._keeper.auth(self.user))
        client: httpx2.Client = g.zoho_client
        return client

    @property
    def api_domain(self) -> str:
        """Where the API of who is logged in is, such as https://www.zohoapis.eu."""
        return self._keeper.find(self.user).api_domain or ""

    def login_required(self, view: Callable[P, T]) -> Callable[P, T]:
        """Let only those see a view who are logged in; the others are sent to log in."""

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            self._login.user(session)
            # As Flask itself calls a view: a coroutine function runs to its end.
            return cast("T", current_app.ensure_sync(view)(*args, **kwargs))

        return guarded

    def _begin_login(self) -> Any:
        target, again = request.args.get("next") or _here("/"), "again" in request.args
        return _to(self._login.begin(session, target, again=again))

    def _finish_login(self) -> Any:
        return _to(self._login.finish(session, request.query_string.decode(errors="replace")))

    def _log_out(self) -> Any:
        self._login.log_out(session)
        return _to(_here("/"))

    def _answer(self, error: EvergrantError) -> Any:
        current_app.logger.info("%s %s: %s", request.method, request.path, error)
        problem = problem_of(error)
        wants_page = request.accept_mimetypes.accept_html and request.method == "GET"
        is_ours = request.path.startswith(f"{self._prefix}/")  # or it would go round
        if problem.login and wants_page and not is_ours:
            back = request.full_path if request.query_string else request.path
            return _to(problem.way_to_login(_here(f"{self._prefix}/login"), _here(back)))
        return jsonify(detail=problem.text), problem.status, problem.headers


def _here(path: str) -> str:
    """Return a path of this app as the browser has it: the app may be mounted below another."""
    return f"{request.script_root}{path}"


def _to(address: str) -> Any:
    answer = redirect(address, HTTPStatus.SEE_OTHER)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _close_client(_: BaseException | None) -> None:
    if client := g.pop("zoho_client", None):
        client.close()
