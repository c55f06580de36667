"""One Zoho service: its addresses, its orgs and its errors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from evergrant.datacenter import ZOHO, DataCenter, origin_of
from evergrant.errors import ConfigError
from evergrant.services.pages import Pages
from evergrant.services.refusal import Refusal, codes_in

__all__ = ["ErrorCodes", "Org", "Probe", "Service"]

BAD_REQUEST = 400
UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Org:
    """Where the org, or the portal, of a request travels, and how the user's orgs are listed.

    Attributes:
        travels: In a ``header``, in the ``query``, in the ``path``, or in the ``token``: Zoho
            bound the grant to one org when the user consented. ``caller``: the caller writes it
            into the path, since it is not an org but an account or a document.
        name: Of the header or query parameter; for a path what is added to the base, with
            ``{org}`` in it.
        list_path: Below the base URL; a GET lists the user's orgs. None if there is no such list.
        list_key: Where the list is in the answer: keys with dots between, "" for the answer.
        id_key: The key of an org's id in that list.
        name_key: The key of its name.
    """

    travels: Literal["header", "query", "path", "token", "caller"]
    name: str = ""
    list_path: str | None = None
    list_key: str = ""
    id_key: str = "id"
    name_key: str = "name"


@dataclass(frozen=True, slots=True)
class Probe:
    """A harmless request that any token with the right scope may send.

    Attributes:
        path: Below the base URL, with the query.
        scope: The scope that it takes.
        method: GET, but where the service has no harmless GET.
        accept: The Accept header that it needs, or None.
    """

    path: str
    scope: str
    method: str = "GET"
    accept: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorCodes:
    """The codes of a service's errors, as text; what is empty was not found in any source.

    Attributes:
        dead_token: The access token is not valid (any more); with status 401.
        missing_scope: The grant does not cover the request.
        rate_limit: Too many requests; status 429 means the same everywhere.
        unclear: A dead token, a missing scope, or the user's role; with status 401.
        is_known: Whether the service's codes are known. If not, any 401 is unclear.
    """

    dead_token: Collection[str] = ()
    missing_scope: Collection[str] = ()
    rate_limit: Collection[str] = ()
    unclear: Collection[str] = ()
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """A Zoho service as data. Make one of your own, or change one with `dataclasses.replace`.

    Attributes:
        name: The word for it in this package, such as ``books``.
        title: Zoho's name for it.
        product: The first label of its host (``desk`` in desk.zoho.eu), or "" where it is served
            by the host of Zoho's API (www.zohoapis.eu).
        path: The path of its base URL.
        data_centers: The codes of the data centers that were seen or documented to have it.
        org: Where the org of a request travels.
        scope_prefix: What its scopes begin with, in Zoho's own case.
        default_scopes: What a login for it asks for by default.
        probe: A harmless read, or None if none is known.
        codes: The codes of its errors.
        other_products: More hosts that take its token, named as in ``product``.
        header_word: The word before the token in the Authorization header.
        pages: How its lists are paged, or None if that is not known.
    """

    name: str
    title: str
    product: str
    path: str
    data_centers: tuple[str, ...]
    org: Org
    scope_prefix: str
    default_scopes: tuple[str, ...] = ()
    probe: Probe | None = None
    codes: ErrorCodes = field(default_factory=ErrorCodes)
    other_products: tuple[str, ...] = ()
    header_word: str = "Zoho-oauthtoken"
    pages: Pages | None = None

    def base_url(self, data_center: DataCenter, org: str | None = None) -> str:
        """Return the URL that paths of this service begin with, without a slash at its end.

        Args:
            org: The org or portal, for a service that has it in the path.

        Raises:
            ConfigError: The data center does not have the service, or the org cannot be named.
        """
        base, org = f"{self._host_url(data_center, self.product)}{self.path}", self.checked_org(org)
        in_path = self.org.travels == "path" and org is not None
        return f"{base}{self.org.name.replace('{org}', org or '')}" if in_path else base

    def serves(self, url: str, data_center: DataCenter) -> bool:
        """Return True if a request to this URL goes to this service in this data center.

        On the host that several services share, the first part of the path tells them apart.

        Raises:
            ConfigError: The data center does not have the service.
        """
        origin = origin_of(url)
        path = "" if origin is None else urlsplit(url).path
        if origin is None or _climbs(path):
            return False
        for product in (self.product, *self.other_products):
            host = self._host_url(data_center, product)
            prefix = urlsplit(host).path
            root = prefix if product else f"{prefix}/{self.path.split('/')[1]}"
            if origin_of(host) == origin and f"{path}/".startswith(f"{root}/"):
                return True
        return False

    def refusal(self, status: int, body: bytes) -> Refusal | None:
        """Return why a request with a token was refused, or None if it was not for the token."""
        if status == TOO_MANY_REQUESTS:
            return Refusal.RATE_LIMIT
        if status < BAD_REQUEST:
            return None
        codes, known = codes_in(body), self.codes
        if codes & set(known.missing_scope) or any("SCOPE" in code.upper() for code in codes):
            return Refusal.MISSING_SCOPE
        if codes & set(known.rate_limit):
            return Refusal.RATE_LIMIT
        return self._unauthorized(codes) if status == UNAUTHORIZED else None

    def _unauthorized(self, codes: set[str]) -> Refusal | None:
        if codes & set(self.codes.unclear):
            return Refusal.UNCLEAR
        if codes & set(self.codes.dead_token):
            return Refusal.DEAD_TOKEN
        return None if self.codes.is_known else Refusal.UNCLEAR

    def require_data_center(self, code: str) -> None:
        """Return if a data center has this service.

        Raises:
            ConfigError: It does not.
        """
        if code in ZOHO.codes and code not in self.data_centers:
            raise ConfigError(
                f"{self.title} is not known to be in the data center {code!r}",
                hint=f"It is in: {', '.join(self.data_centers)}. If Zoho has added it, use "
                f"dataclasses.replace(service, data_centers=...).",
            )

    def checked_org(self, org: str | None) -> str | None:
        """Return an org as it can be sent.

        Raises:
            ConfigError: This service takes none, or the text cannot be an org's id.
        """
        if org is None:
            return None
        if self.org.travels == "token":
            raise ConfigError(
                f"{self.title} takes no org: Zoho bound the grant to one when the user consented",
                hint="Leave org out; log in again to choose another org.",
            )
        if self.org.travels == "caller":
            raise ConfigError(
                f"{self.title} takes no org",
                hint="Its ids are parts of the path: write them there.",
            )
        if not (org and org.isascii() and all(part.isalnum() or part in "-_." for part in org)):
            raise ConfigError(
                f"{org[:100]!r} cannot be the id of an org",
                hint=f"`evergrant orgs --service {self.name}` lists them.",
            )
        return org

    def _host_url(self, data_center: DataCenter, product: str) -> str:
        self.require_data_center(data_center.code)
        return data_center.product_url(product) if product else data_center.api_url


def _climbs(path: str) -> bool:
    """Return True if a path leaves the folder that it seems to be in."""
    parts = unquote(path).replace("\\", "/").split("/")
    return ".." in parts or "." in parts
