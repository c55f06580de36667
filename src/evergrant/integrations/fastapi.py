"""FastAPI: dependencies that call Zoho as the logged-in user, and the pages of the login."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import masks_locals
from evergrant._text import printable
from evergrant.errors import EvergrantError, MissingExtra
from evergrant.integrations.pages import PAGE_HEADERS, wants_page
from evergrant.integrations.urls import LoginUrls, is_cross_site
from evergrant.integrations.web import CROSS_SITE_LOGOUT, WebLogin, problem_for
from evergrant.keeper import Keeper

try:
    from fastapi import APIRouter, FastAPI, Request
    from fastapi.responses import JSONResponse, RedirectResponse, Response
except ModuleNotFoundError:
    raise MissingExtra("the integration with FastAPI", extra="fastapi") from None

import httpx2

__all__ = ["ZohoLogin"]

_logger = RateLimitedLog()


class ZohoLogin:
    """Logs users in with Zoho, and calls Zoho as them.

    Add Starlette's ``SessionMiddleware`` to the app, call ``install``, and use the dependencies:
    ``client: Annotated[httpx2.AsyncClient, Depends(zoho.client)]``.

    Args:
        keeper: Logs users in, with its client. The redirect URL must end in ``{prefix}/callback``.
        scopes: The scopes to ask for.
        prefix: The path of the login pages.
    """

    def __init__(
        self, keeper: Keeper, scopes: str | Iterable[str], *, prefix: str = "/zoho"
    ) -> None:
        self._login = WebLogin(keeper, scopes)
        self._keeper = keeper
        self.router = APIRouter(prefix=prefix, include_in_schema=False)
        # Not coroutines: they block on the store and Zoho, so FastAPI runs them in threads.
        self.router.get("/login")(self._begin_login)
        self.router.get("/callback")(self._finish_login)
        self.router.post("/logout")(self._log_out)

    def install(self, app: FastAPI) -> None:
        """Add the login pages, and a handler for `EvergrantError`."""
        app.include_router(self.router)
        app.exception_handler(EvergrantError)(self._handle_error)

    def user(self, request: Request) -> str:
        """Return the name of the logged-in user; a dependency.

        Raises:
            LoginRequired: No user is logged in.
        """
        return self._login.user(request.session)

    def is_logged_in(self, request: Request) -> bool:
        """Return True if the session has a logged-in user; a dependency."""
        return self._login.is_logged_in(request.session)

    async def client(self, request: Request) -> AsyncIterator[httpx2.AsyncClient]:
        """Yield a client that signs requests for the logged-in user; a dependency.

        Raises:
            LoginRequired: No user is logged in.
        """
        auth = self._keeper.auth(self.user(request))
        async with httpx2.AsyncClient(auth=auth) as client:
            yield client

    def api_domain(self, request: Request) -> str:
        """Return the API domain of the logged-in user, such as https://www.zohoapis.eu."""
        return self._keeper.find(self.user(request)).api_domain or ""

    def urls(self, request: Request) -> LoginUrls:
        """Return the URLs of the login pages, as the browser of this request addresses them."""
        return LoginUrls.mounted_at(request.scope.get("root_path", ""), self.router.prefix)

    def _begin_login(
        self,
        request: Request,
        next: str | None = None,  # noqa: A002 - the usual name of the query parameter
        *,
        again: bool = False,
    ) -> Response:
        site = self.urls(request)
        return _redirect(self._login.begin(request.session, next, prompt_consent=again, urls=site))

    @masks_locals
    def _finish_login(self, request: Request) -> Response:
        query, site = request.url.query, self.urls(request)
        return _redirect(self._login.finish(request.session, query, urls=site))

    def _log_out(self, request: Request) -> Response:
        if is_cross_site(request.headers.get):
            return JSONResponse({"detail": CROSS_SITE_LOGOUT}, HTTPStatus.FORBIDDEN)
        asked = request.query_params
        self._login.log_out(request.session, revoke=asked.get("revoke") == "1")
        return _redirect(self.urls(request).target(asked.get("next")))

    async def _handle_error(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, EvergrantError):
            raise error
        path = printable(request.url.path)
        _logger.info("%s %s: %s", request.method, path, error, kind=type(error))
        problem, site, here = problem_for(error), self.urls(request), _requested_path(request)
        if not wants_page(request.headers.get):
            content = {"detail": problem.text}
            return JSONResponse(content, problem.status, headers=problem.headers)
        query = request.url.query
        # Never from a login page itself: that would be an endless loop.
        if problem.login and request.method == "GET" and not site.is_login_page(here):
            here = urlsplit(here)._replace(query=query).geturl()
            return _redirect(problem.login_url(site.login, here))
        text = self._login.error_page(problem, request.session, query, urls=site)
        return Response(text, problem.status, PAGE_HEADERS | problem.headers)


def _requested_path(request: Request) -> str:
    """Return the path that the browser requested: some servers leave out the mount path."""
    root, path = request.scope.get("root_path", "").rstrip("/"), request.scope["path"]
    return quote(path if path.startswith(f"{root}/") else root + path)


def _redirect(address: str) -> Response:
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})
