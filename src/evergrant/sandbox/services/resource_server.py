"""A service's resource server: it checks token, scope and org, and answers its lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from evergrant.sandbox.crm.scopes import covers
from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.models import Grant, Org
from evergrant.sandbox.request_context import RequestContext, SandboxState
from evergrant.sandbox.services.answers import (
    Answer,
    Refusals,
    refuse,
    refuse_too_many,
    with_org,
)
from evergrant.sandbox.services.paging import BOOKS, UNPAGED, Paging
from evergrant.sandbox.unsupported import NOT_IMPLEMENTED, marked

__all__ = ["Listing", "ResourceServer", "add_list", "handle", "require_list", "server_named"]

HOSTS = "/hosts/"
"""Where the products with a host of their own are: ``/hosts/desk/api/v1/tickets``."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One address that a service answers.

    Attributes:
        path: Below the root; ``{org}`` stands for an org's id, ``{account}`` for the user's,
            and another name for any folder.
        scope: What it takes, below the service's area.
        key: Where the items stand in the answer: keys with dots between, "" for the answer.
        items: What is listed: the user's ``orgs``, the user (``me``), or the ``records`` that a
            test declared.
        name: What a test names the list by; by default the last part of the address.
        params: Query parameters that change nothing in the sandbox, and may come.
    """

    path: str
    scope: str
    key: str
    items: str = "records"
    method: str = "GET"
    name: str = ""
    params: tuple[str, ...] = ()

    @property
    def list_name(self) -> str:
        """What a test names it by."""
        return self.name or self.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """A service.

    Attributes:
        host: The product's label, or "" for the host of Zoho's API.
        root: What its paths begin with.
        area: What its scopes begin with.
        org: Where a call names the org: ``query:NAME``, ``header:NAME``, ``path``; ``token`` for
            the grant's own; ``grant:NAME`` for a header that must name the grant's own.
        paging: How lists of records are paged.
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
    paging: Paging = UNPAGED
    org_keys: tuple[str, str] = ("id", "name")

    def answer(self, visit: RequestContext, path: str) -> Response:
        """Answer a call to a path below the root."""
        visit.service, words = self.name, self.refusals
        if not visit.presented_token():
            return refuse(words.no_token)
        token = visit.access_token()
        if token is None or token.grant.org.kind != "production":
            return refuse(words.bad_token)
        left = visit.state.limited.get(self.name, 0)
        if left:
            visit.state.limited[self.name] = left - 1
            return refuse_too_many(words)
        grant = token.grant
        for listing in (*self.listings, *visit.state.lists.get(self.name, ())):
            match = _pattern(listing.path).fullmatch(path)
            if match and listing.method == visit.request.method:
                refused = self._refusal(visit, grant, listing, match.groupdict())
                return refuse(refused) if refused else self._list(visit, grant, listing)
        return _not_here(f"{visit.request.method} {path} of {self.name}")

    def _refusal(
        self, visit: RequestContext, grant: Grant, listing: Listing, named: Mapping[str, str]
    ) -> Answer | None:
        words, user = self.refusals, grant.user
        if not self._allows(grant.scopes, listing.scope):
            return words.no_scope
        if user.services is not None and self.name not in user.services:
            return words.no_role
        if (user.email, self.name) in visit.state.denied:
            return words.no_role
        visit.org = self._named_org(visit, named.get("org"))
        mine = self._orgs_of(grant)
        if visit.org is None:
            is_unclear = len(mine) > 1 and listing.items == "records"
            return words.no_org if is_unclear else self._wrong_account(grant, named)
        if visit.org not in {org.zgid for org in mine}:
            return with_org(words.wrong_org, visit.org)
        return self._wrong_account(grant, named)

    def _wrong_account(self, grant: Grant, named: Mapping[str, str]) -> Answer | None:
        is_mine = named.get("account", grant.user.zuid) == grant.user.zuid
        return None if is_mine else self.refusals.wrong_org

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
        items, missing = self._items(visit, grant, listing), self._unknown(visit, listing)
        said: dict[str, Any] = {}
        if missing and visit.state.settings.strict:
            return _not_here(*missing)
        if listing.items == "records":
            items, said = self.paging.cut(visit.request.params, items)
        body: dict[str, Any] = {**self.envelope}
        *outer, last = listing.key.split(".")
        if not last:
            return marked(json_response(items), missing)
        inner = body
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[last] = items[0] if listing.items == "me" and last == "userDetails" else items
        return marked(json_response({**body, **said}), missing)

    def _unknown(self, visit: RequestContext, listing: Listing) -> list[str]:
        """Return the parameters of a call that the sandbox does not have: filters, above all."""
        where, _, org = self.org.partition(":")
        known = {*listing.params, *self.paging.parameters, org if where == "query" else ""}
        return [
            f"parameter {one} of {self.name}" for one in visit.request.params if one not in known
        ]

    def _items(self, visit: RequestContext, grant: Grant, listing: Listing) -> list[Any]:
        if listing.items == "orgs":
            return [self._describe(org) for org in self._orgs_of(grant)]
        if listing.items == "me":
            user = grant.user
            return [{"id": user.zuid, "accountId": user.zuid, "email": user.email,
                     "primaryEmailAddress": user.email, "full_name": user.full_name,
                     "zsoid": grant.org.zgid}]  # fmt: skip
        return visit.state.records.get((self.name, listing.list_name), [])

    def _orgs_of(self, grant: Grant) -> list[Org]:
        if self.org == "token" or self.org.startswith("grant:"):
            return [grant.org]
        return [org for org in grant.user.orgs if org.kind == "production"]

    def _describe(self, org: Org) -> dict[str, str]:
        id_key, name_key = self.org_keys
        return {id_key: org.zgid, name_key: org.name}


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


def server_named(name: str) -> ResourceServer:
    """Return a service's resource server.

    Raises:
        ValueError: There is none.
    """
    from evergrant.sandbox.services.catalog import SERVERS  # it is made of what is here

    by_name = {server.name: server for server in SERVERS}
    if name not in by_name:
        raise ValueError(f"no service {name[:50]!r}: use one of crm, {', '.join(by_name)}")
    return by_name[name]


def require_list(state: SandboxState, service: str, name: str) -> None:
    """Return if the sandbox serves this list of this service.

    Raises:
        ValueError: It does not.
    """
    listings = (*server_named(service).listings, *state.lists.get(service, ()))
    lists = [listing.list_name for listing in listings if listing.items == "records"]
    if name not in lists:
        has = ", ".join(lists) or "no list"
        raise ValueError(
            f"{service} has no list {name[:50]!r} in the sandbox: it has {has}; "
            "Sandbox.add_list declares more"
        )


def add_list(
    state: SandboxState, service: str, path: str, scope: str, key: str | None, name: str
) -> None:
    """Serve one more list of a service; one that is there already is replaced.

    Raises:
        ValueError: There is no such service, or the path or the scope cannot be one.
    """
    server = server_named(service)
    area, _, rest = scope.partition(".")
    if area.lower() != server.area.lower() or not re.fullmatch(r"\w+(\.\w+)+", rest, re.ASCII):
        raise ValueError(f"scope {scope[:100]!r} has not the form {server.area}.name.READ")
    if not re.fullmatch(r"(/[\w.-]+|/\{\w+\})+/?", path, re.ASCII):
        raise ValueError(
            f"path {path[:100]!r} is not a path below {server.root}, such as /articles"
        )
    records = [one.key for one in server.listings if one.items == "records" and one.key]
    listing = Listing(path, rest, key or "", name=name)
    if key is None:
        # In the Books family a list is named as its address is; elsewhere one key fits most.
        shared = server.paging is not BOOKS and records
        listing = replace(listing, key=records[0] if shared else listing.list_name)
    others = [one for one in state.lists.get(service, ()) if one.path != path]
    state.lists[service] = (*others, listing)


def _not_here(*missing: str) -> Response:
    body = {"error": f"The sandbox does not have this: {', '.join(missing)}"}
    return marked(json_response(body, NOT_IMPLEMENTED), missing)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
