"""FastAPI: a dependency that calls Zoho as who is logged in, and the login that it takes."""

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
    """Logs people in with Zoho, and calls it as them.

    Add Starlette's ``SessionMiddleware`` to the app, ``install`` this, and take what you need:
    ``client: Annotated[httpx2.AsyncClient, Depends(zoho.client)]``.

    Args:
        keeper: Whose client logs people in; its redirect URL must lead to ``{prefix}/callback``.
        scopes: What to ask for.
        prefix: Where the pages of the login are.
    """

    def __init__(
        self, keeper: Keeper, scopes: str | Iterable[str], *, prefix: str = "/zoho"
    ) -> None:
        self._login = WebLogin(keeper, scopes)
        self._keeper = keeper
        self.router = APIRouter(prefix=prefix, include_in_schema=False)
        # Not coroutines: FastAPI runs them in threads, since they ask store and Zoho.
        self.router.get("/login")(self._begin_login)
        self.router.get("/callback")(self._finish_login)
        self.router.post("/logout")(self._log_out)

    def install(self, app: FastAPI) -> None:
        """Add the pages of the login, and what answers where an error of ours ends a request."""
        app.include_router(self.router)
        app.exception_handler(EvergrantError)(self._handle_error)

    def user(self, request: Request) -> str:
        """Return the name of who is logged in; a dependency.

        Raises:
            LoginRequired: Nobody is.
        """
        return self._login.user(request.session)

    def is_logged_in(self, request: Request) -> bool:
        """Return True if somebody is logged in, as the session has it; a dependency."""
        return self._login.is_logged_in(request.session)

    async def client(self, request: Request) -> AsyncIterator[httpx2.AsyncClient]:
        """Yield a client whose requests are signed for who is logged in; a dependency.

        Raises:
            LoginRequired: Nobody is.
        """
        auth = self._keeper.auth(self.user(request))
        async with httpx2.AsyncClient(auth=auth) as client:
            yield client

    def api_domain(self, request: Request) -> str:
        """Return where the API of who is logged in is, such as https://www.zohoapis.eu."""
        return self._keeper.find(self.user(request)).api_domain or ""

    def urls(self, request: Request) -> LoginUrls:
        """Return where the pages of the login are, as the browser of a request addresses them."""
        return LoginUrls.mounted_at(request.scope.get("root_path", ""), self.router.prefix)

    def _begin_login(
        self,
        request: Request,
        next: str | None = None,  # noqa: A002 - the field's name for it
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
        # Not from the login's own pages: it would go round.
        if problem.login and request.method == "GET" and not site.is_login_page(here):
            here = urlsplit(here)._replace(query=query).geturl()
            return _redirect(problem.login_url(site.login, here))
        text = self._login.error_page(problem, request.session, query, urls=site)
        return Response(text, problem.status, PAGE_HEADERS | problem.headers)


def _requested_path(request: Request) -> str:
    """Return the path that the browser asked for: some servers leave out what they mount at."""
    root, path = request.scope.get("root_path", "").rstrip("/"), request.scope["path"]
    return quote(path if path.startswith(f"{root}/") else root + path)


def _redirect(address: str) -> Response:
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})
