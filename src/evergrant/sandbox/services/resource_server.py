"""A service's resource server: it checks token, scope and org, and answers its lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from evergrant.sandbox.crm.scopes import covers
from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.models import Grant, Org
from evergrant.sandbox.request_context import RequestContext
from evergrant.sandbox.services.refusals import Answer, Refusals, refuse
from evergrant.sandbox.unsupported import NOT_IMPLEMENTED, marked

__all__ = ["Listing", "ResourceServer", "handle", "require_list"]

HOSTS = "/hosts/"
"""Where the products with a host of their own are: ``/hosts/desk/api/v1/tickets``."""

DEFAULT_SIZE = {"page_context": 200, "from": 10, "page": 100}
"""Items on a page unless the call says otherwise, by the way of paging."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One address that a service answers.

    Attributes:
        path: Below the root; ``{org}`` stands for an org's id.
        scope: What it takes, below the service's area.
        key: Where the items stand in the answer: keys with dots between, "" for the answer.
        items: What is listed: the user's ``orgs``, the user (``me``), or the ``records`` that a
            test declared.
    """

    path: str
    scope: str
    key: str
    items: str = "records"
    method: str = "GET"

    @property
    def list_name(self) -> str:
        """The last part of the address."""
        return self.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """A service.

    Attributes:
        host: The product's label, or "" for the host of Zoho's API.
        root: What its paths begin with.
        area: What its scopes begin with.
        org: Where a call names the org: ``query:NAME``, ``header:NAME``, ``path``; ``token`` for
            the grant's own; ``grant:NAME`` for a header that must name the grant's own.
        paging: How lists are paged: ``page_context``, ``page``, ``from`` or "".
        org_keys: What an org's id and name are called.
    """

    name: str
    host: str
    root: str
    data_centers: frozenset[str]
    area: str
    org: str
    refusals: Refusals
    listings: tuple[Listing, ...] = ()
    envelope: Mapping[str, Any] = field(default_factory=dict)
    paging: str = ""
    org_keys: tuple[str, str] = ("id", "name")

    def answer(self, visit: RequestContext, path: str) -> Response:
        """Answer a call to a path below the root."""
        visit.service, words = self.name, self.refusals
        if not visit.presented_token():
            return refuse(words.no_token)
        token = visit.access_token()
        if token is None or token.grant.org.kind != "production":
            return refuse(words.bad_token)
        grant = token.grant
        for listing in self.listings:
            match = _pattern(listing.path).fullmatch(path)
            if match and listing.method == visit.request.method:
                in_path = match.groupdict().get("org")
                refused = self._refusal(visit, grant, listing, in_path)
                return refuse(refused) if refused else self._list(visit, grant, listing)
        missing = f"{visit.request.method} {path} of {self.name}"
        body = {"error": f"The sandbox does not have this: {missing}"}
        return marked(json_response(body, NOT_IMPLEMENTED), [missing])

    def _refusal(
        self, visit: RequestContext, grant: Grant, listing: Listing, in_path: str | None
    ) -> Answer | None:
        words, user = self.refusals, grant.user
        if not self._allows(grant.scopes, listing.scope):
            return words.no_scope
        if user.services is not None and self.name not in user.services:
            return words.no_role
        if (user.email, self.name) in visit.state.denied:
            return words.no_role
        visit.org = self._named_org(visit, in_path)
        allowed = [grant.org] if self.org.startswith("grant:") else user.orgs
        if visit.org is not None and visit.org not in {org.zgid for org in allowed}:
            return words.wrong_org
        return None

    def _named_org(self, visit: RequestContext, in_path: str | None) -> str | None:
        where, _, name = self.org.partition(":")
        if where == "path":
            return in_path
        if where == "query":
            return visit.request.params.get(name)
        return visit.request.headers.get(name) if name else None

    def _allows(self, granted: Iterable[str], scope: str) -> bool:
        needed = f"{self.area}.{scope}"
        full = f"{self.area}.fullaccess.all".upper()
        return any(have.upper() == full or covers(have, needed) for have in granted)

    def _list(self, visit: RequestContext, grant: Grant, listing: Listing) -> Response:
        items, more = self._page(visit, self._items(visit, grant, listing))
        body: dict[str, Any] = dict(self.envelope)
        *outer, last = listing.key.split(".")
        if not last:
            return json_response(items)
        inner = body
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[last] = items[0] if listing.items == "me" and last == "userDetails" else items
        if self.paging == "page_context":
            body["page_context"] = more
        return json_response(body)

    def _items(self, visit: RequestContext, grant: Grant, listing: Listing) -> list[Any]:
        if listing.items == "orgs":
            return [self._describe(org) for org in self._orgs_of(grant)]
        if listing.items == "me":
            user = grant.user
            return [{"id": user.zuid, "email": user.email, "primaryEmailAddress": user.email,
                     "full_name": user.full_name, "zsoid": grant.org.zgid}]  # fmt: skip
        return visit.state.records.get((self.name, listing.list_name), [])

    def _orgs_of(self, grant: Grant) -> list[Org]:
        if self.org == "token" or self.org.startswith("grant:"):
            return [grant.org]
        return [org for org in grant.user.orgs if org.kind == "production"]

    def _describe(self, org: Org) -> dict[str, str]:
        id_key, name_key = self.org_keys
        return {id_key: org.zgid, name_key: org.name}

    def _page(self, visit: RequestContext, items: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        if not self.paging:
            return items, {}
        params, by_item = visit.request.params, self.paging == "from"
        size = _number(params.get("limit" if by_item else "per_page"), DEFAULT_SIZE[self.paging])
        page = _number(params.get("page"), 1)
        start = _number(params.get("from"), 0) if by_item else (page - 1) * size
        shown = items[start : start + size]
        more = {"page": page, "per_page": size, "has_more_page": len(items) > start + size}
        return shown, more


def handle(visit: RequestContext) -> Response | None:
    """Answer a call to one of the services, or return None if it is for another part."""
    from evergrant.sandbox.services.catalog import SERVERS  # it is made of what is here

    path, code = visit.request.path, visit.place.data_center
    label, rest = "", path
    if path.startswith(HOSTS):
        label, _, rest = path.removeprefix(HOSTS).partition("/")
        rest = f"/{rest}"
    hosted = [server for server in SERVERS if server.host == label]
    for server in hosted:
        if rest == server.root or rest.startswith(f"{server.root}/"):
            if code not in server.data_centers:
                break  # no such host there
            return server.answer(visit, rest.removeprefix(server.root) or "/")
    if not path.startswith(HOSTS):
        return None
    known = [server for server in hosted if code in server.data_centers]
    if known:
        return refuse(known[0].refusals.not_found)
    # Zoho has no such host: there is no answer at all.
    raise ConnectionRefusedError(f"no host {label!r} in {code!r}")


def require_list(service: str, name: str) -> None:
    """Return if the sandbox serves this list of this service.

    Raises:
        ValueError: It does not.
    """
    from evergrant.sandbox.services.catalog import SERVERS  # it is made of what is here

    by_name = {server.name: server for server in SERVERS}
    if service not in by_name:
        raise ValueError(f"no service {service[:50]!r}: use one of crm, {', '.join(by_name)}")
    lists = [
        listing.list_name for listing in by_name[service].listings if listing.items == "records"
    ]
    if name not in lists:
        has = ", ".join(lists) or "no list"
        raise ValueError(f"{service} has no list {name[:50]!r} in the sandbox: it has {has}")


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{org\}", r"(?P<org>[^/]+)"))


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else otherwise
