"""FastAPI: a dependency that calls Zoho as who is logged in, and the login that it takes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus

from evergrant.errors import EvergrantError, MissingExtra
from evergrant.integrations.web import WebLogin, problem_of
from evergrant.keeper import Keeper

try:
    from fastapi import APIRouter, FastAPI, Request
    from fastapi.responses import JSONResponse, RedirectResponse, Response
except ModuleNotFoundError:
    raise MissingExtra("the integration with FastAPI", extra="fastapi") from None

import httpx2

__all__ = ["ZohoLogin"]

_logger = logging.getLogger("evergrant")


class ZohoLogin:
    """Logs people in with Zoho, and calls it as them.

    Add Starlette's ``SessionMiddleware`` to the app, ``install`` this, and take what you need:
    ``client: Annotated[httpx2.AsyncClient, Depends(zoho.client)]``.

    Args:
        keeper: Whose client logs people in; its redirect URL must lead to ``{prefix}/callback``.
        scopes: What to ask for.
        prefix: Where the pages of the login are.
    """

    def __init__(self, keeper: Keeper, scopes: Iterable[str], *, prefix: str = "/zoho") -> None:
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
        app.exception_handler(EvergrantError)(self._answer)

    def user(self, request: Request) -> str:
        """Return the name of who is logged in; a dependency.

        Raises:
            LoginRequired: Nobody is.
        """
        return self._login.user(request.session)

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

    def _begin_login(
        self,
        request: Request,
        next: str | None = None,  # noqa: A002 - the field's name for it
        *,
        again: bool = False,
    ) -> Response:
        return _to(self._login.begin(request.session, next or _here(request, "/"), again=again))

    def _finish_login(self, request: Request) -> Response:
        return _to(self._login.finish(request.session, request.url.query))

    def _log_out(self, request: Request) -> Response:
        self._login.log_out(request.session)
        return _to(_here(request, "/"))

    async def _answer(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, EvergrantError):
            raise error
        _logger.info("%s %s: %s", request.method, request.url.path, error)
        problem = problem_of(error)
        wants_page = "text/html" in request.headers.get("accept", "")
        pages = _here(request, self.router.prefix)
        is_ours = request.url.path.startswith(f"{pages}/")  # or it would go round
        if problem.login and wants_page and request.method == "GET" and not is_ours:
            here = str(request.url.replace(scheme="", netloc=""))
            return _to(problem.way_to_login(f"{pages}/login", here))
        content = {"detail": problem.text}
        return JSONResponse(content, problem.status, headers=problem.headers)


def _here(request: Request, path: str) -> str:
    """Return a path of this app as the browser has it: the app may be mounted below another."""
    return f"{request.scope.get('root_path', '')}{path}"


def _to(address: str) -> Response:
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})
