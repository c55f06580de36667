"""One request of ``evergrant api``, sent once or page by page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evergrant._network.http_client import open_client
from evergrant._network.http_deadline import deadline
from evergrant.errors import AccountsUnavailable, ConfigError
from evergrant.services.pages import items_in
from evergrant.services.target import Target

if TYPE_CHECKING:
    import httpx2

    from evergrant.keeper import Keeper
    from evergrant.token import Token

__all__ = ["ApiRequest", "all_pages"]

READ_TIMEOUT_S = 60.0
"""How long to wait for an API. COQL and search are slow at times."""

CALL_TIMEOUT_S = 600.0
"""How long a whole call may take, even if data keeps arriving."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request, and the user whose token signs it.

    Attributes:
        path: A path, or a whole address.
        is_below: True if the path is below the service's base URL; False if it is below the host.
    """

    keeper: Keeper
    user: str | Token
    target: Target
    method: str
    path: str
    content: bytes | None
    headers: dict[str, str]
    is_below: bool

    def send(self, query: Iterable[tuple[str, str]]) -> httpx2.Response:
        """Send the request with this query added; return the answer.

        Raises:
            AccountsUnavailable: No answer came.
            ConfigError: The path is malformed.
            EvergrantError: There is no working token, or it must not be sent to this address.
        """
        import httpx2

        named = httpx2.Headers(self.headers)
        if self.content is not None:
            named.setdefault("Content-Type", "application/json")
        url = self._url()
        auth = self.keeper.auth(self.user, service=self.target.service, org=self.target.org)
        try:
            # `auth` refuses an address that is not the service's before any token is sent.
            # Plain http means a sandbox on this machine: no proxy is needed to reach it.
            proxied = not url.startswith("http://")
            with (
                deadline(CALL_TIMEOUT_S),
                open_client(auth=auth, timeout=READ_TIMEOUT_S, trust_env=proxied) as client,
            ):
                added = httpx2.QueryParams(tuple(query))
                whole = httpx2.URL(url).copy_merge_params(added) if added else url
                return client.request(self.method, whole, content=self.content, headers=named)
        except httpx2.InvalidURL:
            raise ConfigError(f"{self.path!r} is not a path") from None
        except httpx2.HTTPError as error:
            kind = type(error).__name__
        raise AccountsUnavailable(f"no answer from {urlsplit(url).hostname} ({kind})")

    def _url(self) -> str:
        if "://" in self.path.partition("?")[0]:
            return self.path
        if self.is_below:
            service, org = self.target.service, self.target.org
            base = self.keeper.base_url(self.user, service=service, org=org)
        else:
            token, home = self.keeper.token(self.user), self.keeper.accounts.home_data_center
            base = token.api_domain or home.api_url
        return f"{base}/{self.path.removeprefix('/')}"


def all_pages(
    request: ApiRequest, query: dict[str, str]
) -> tuple[httpx2.Response, list[Any] | None]:
    """Return the last answer, and the items of all pages, or None in their place if a page failed.

    Raises:
        ConfigError: evergrant does not know how this service pages, or a page is not a number.
    """
    service = request.target.service
    if service.pages is None:
        raise ConfigError(
            f"evergrant does not know how {service.title} pages its lists",
            hint="Leave out --paginate, and give its own parameters with -f.",
        )
    items: list[Any] = []
    following: dict[str, str] | None = service.pages.first_query(query)
    while True:
        response = request.send(following.items() if following else ())
        if response.is_error:
            return response, None
        body = _parse(response)
        found = items_in(body)
        # If a service counts items from 1, a page begins with the last item of the page before.
        items += found[1:] if items and found and found[0] == items[-1] else found
        try:
            following = service.pages.next_query(following or {}, body)
        except ValueError:
            raise ConfigError("the page, or the size of a page, is not a number") from None
        if following is None:
            return response, items


def _parse(response: httpx2.Response) -> Any:
    try:
        return json.loads(response.content or b"null")
    except (ValueError, RecursionError):
        raise ConfigError(
            "the answer is not JSON, so evergrant cannot see whether more pages follow",
            hint="Leave out --paginate.",
        ) from None
