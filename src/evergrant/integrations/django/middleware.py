"""``request.zoho``, and the response for an evergrant error."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._network.http_client import open_client
from evergrant._text import printable
from evergrant.errors import EvergrantError
from evergrant.integrations.django.conf import keeper, login, login_urls
from evergrant.integrations.pages import PAGE_HEADERS, wants_page
from evergrant.integrations.web import problem_for
from evergrant.token import Token

__all__ = ["RequestZoho", "ZohoMiddleware"]

_logger = RateLimitedLog()


class RequestZoho:
    """Access to Zoho as the logged-in user. Nothing is loaded before it is used."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._client: httpx2.Client | None = None

    @property
    def user(self) -> str:
        """The name of the logged-in user; raises `LoginRequired` if no user is logged in."""
        return login().user(self._request.session)

    @property
    def is_logged_in(self) -> bool:
        """Whether the session has a logged-in user; asks neither the store nor Zoho."""
        return login().is_logged_in(self._request.session)

    @property
    def token(self) -> Token:
        """A usable token of the logged-in user."""
        return keeper().token(self.user)

    @property
    def client(self) -> httpx2.Client:
        """A client that signs requests for the logged-in user; closed at the end of the request."""
        if self._client is None:
            self._client = open_client(auth=keeper().auth(self.user))
        return self._client

    def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            self._client.close()


class ZohoMiddleware:
    """Adds ``zoho`` to each request; redirects to the login if one is needed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle a request."""
        zoho = RequestZoho(request)
        request.zoho = zoho
        try:
            return self._get_response(request)
        finally:
            zoho.close()

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the response for an evergrant error, or None for other errors."""
        if not isinstance(error, EvergrantError):
            return None
        path = printable(request.path)
        _logger.info("%s %s: %s", request.method, path, error, kind=type(error))
        problem, here = problem_for(error), request.get_full_path()
        headers, answer = problem.headers, HttpResponse(status=problem.status)
        if not wants_page(request.headers.get):
            answer = JsonResponse({"detail": problem.text}, status=problem.status)
        # Never from a login page itself: that would be an endless loop.
        elif problem.login and request.method == "GET" and not login_urls().is_login_page(here):
            answer = HttpResponseRedirect(problem.login_url(login_urls().login, here))
        else:
            query = request.META["QUERY_STRING"]
            answer.content = login().error_page(problem, request.session, query, urls=login_urls())
            headers = PAGE_HEADERS | headers
        for name, value in headers.items():
            answer[name] = value
        return answer
