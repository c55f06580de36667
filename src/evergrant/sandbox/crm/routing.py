"""Which part of the CRM answers a request, and what its caller needs for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from evergrant.sandbox.crm import deletes, metadata, reads, search, users, writes
from evergrant.sandbox.crm.api_credits import check, spend
from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.coql import coql
from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError, invalid_module, not_in_sandbox
from evergrant.sandbox.crm.modules import Module
from evergrant.sandbox.crm.scopes import require
from evergrant.sandbox.crm.zoho_catalog import PARAMETERS_OF_ZOHO, served_by_zoho
from evergrant.sandbox.messages import Request, Response
from evergrant.sandbox.unsupported import marked

__all__ = ["handle"]

_BASE = re.compile(r"/crm/v(?:2\.1|[2-8])/(.+)")
"""The versions that Zoho's SDKs call; the rules are those of v8 for all of them."""


@dataclass(frozen=True, slots=True)
class _Route:
    """What answers one method of one path.

    Attributes:
        scope: What the call needs, below ``ZohoCRM.``.
        params: The query parameters that are honoured; every other one is missing here.
        keys: The same for the keys of a JSON body.
        headers: The same for those headers of Zoho's that change an answer (`_HEADERS`).
    """

    scope: str
    answer: Callable[..., Response]
    params: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()


def _route(
    scope: str, answer: Callable[..., Response], params: str = "", keys: str = "", headers: str = ""
) -> _Route:
    named = (frozenset(text.split()) for text in (params, keys, headers))
    return _Route(scope, answer, *named)


_HEADERS = ("if-modified-since", "if-unmodified-since", "x-external", "content-encoding")
"""Headers by which Zoho answers otherwise."""

_SINCE, _UNCHANGED = "if-modified-since", "if-unmodified-since"
_MODULE = r"(?P<module>(?!settings\b)[^/]+)"
_PAGE = "page per_page"
_WRITTEN = "data trigger"

_ROUTES: dict[str, dict[str, _Route]] = {
    "coql": {"POST": _route("coql.READ", coql, keys="select_query include_meta")},
    "org": {"GET": _route("org.READ", users.organisation)},
    "users": {
        "GET": _route(
            "users.READ", users.list_users, f"type ids fields type__s {_PAGE}", headers=_SINCE
        )
    },
    "users/(?P<wanted>[^/]+)": {
        "GET": _route("users.READ", users.one_user, "fields", headers=_SINCE)
    },
    "settings/modules": {
        "GET": _route(
            "settings.modules.READ", metadata.list_modules, "status fields", headers=_SINCE
        )
    },
    "settings/modules/(?P<name>[^/]+)": {
        "GET": _route("settings.modules.READ", metadata.one_module, "fields", headers=_SINCE)
    },
    "settings/fields": {"GET": _route("settings.fields.READ", metadata.list_fields, "module type")},
    "settings/fields/(?P<wanted>[^/]+)": {
        "GET": _route("settings.fields.READ", metadata.one_field, "module")
    },
    "settings/related_lists": {
        "GET": _route("settings.related_lists.READ", metadata.related_lists, "module")
    },
    f"{_MODULE}/deleted": {
        "GET": _route("modules.{}.READ", deletes.list_deleted, f"type {_PAGE}", headers=_SINCE)
    },
    f"{_MODULE}/search": {
        "GET": _route(
            "modules.{}.READ",
            search.search,
            f"criteria email phone word fields converted {_PAGE}",
        )
    },
    f"{_MODULE}/upsert": {
        "POST": _route(
            "modules.{}.CREATE",
            writes.upsert,
            keys=f"{_WRITTEN} duplicate_check_fields",
            headers=_UNCHANGED,
        )
    },
    _MODULE: {
        "GET": _route(
            "modules.{}.READ",
            reads.list_records,
            f"fields ids cvid page_token sort_by sort_order converted {_PAGE}",
            headers=_SINCE,
        ),
        "POST": _route("modules.{}.CREATE", writes.insert, keys=_WRITTEN),
        "PUT": _route("modules.{}.UPDATE", writes.update, keys=_WRITTEN, headers=_UNCHANGED),
        "DELETE": _route("modules.{}.DELETE", deletes.delete, "ids"),
    },
    f"{_MODULE}/(?P<record_id>[^/]+)": {
        "GET": _route("modules.{}.READ", reads.one_record, "fields", headers=_SINCE),
        "PUT": _route("modules.{}.UPDATE", writes.update_one, keys=_WRITTEN, headers=_UNCHANGED),
        "DELETE": _route("modules.{}.DELETE", deletes.delete_one),
    },
}
"""Path below the version, then method; the first path that fits counts."""

_COMPILED = [(re.compile(path), methods) for path, methods in _ROUTES.items()]

_WRAPPED = (writes.insert, writes.update, writes.upsert, deletes.list_deleted)
"""Calls that answer INVALID_MODULE inside ``data``, as the examples of zoho/crm-oas show."""

_ADDING = (writes.insert, writes.upsert)

_METHODS_OF_ZOHO = {"POST", "PUT", "PATCH", "DELETE"}
"""What Zoho lets some of the served paths be written with, where the sandbox only reads."""

_READ_ONLY = ("org", "users", "settings/modules", "settings/fields")


def handle(context: CrmContext, request: Request) -> Response:
    """Answer one authenticated call to the CRM."""
    call = CrmCall(context, request)
    try:
        response = _answer(call)
    except CrmError as refused:
        response = refused.response
    return spend(context, marked(response, call.missing), call.cost)


def _answer(call: CrmCall) -> Response:
    context, request = call.context, call.request
    path, named, methods = _found(request.path)
    route = methods.get(request.method)
    if route is None:
        read_only = any(path == served or path.startswith(f"{served}/") for served in _READ_ONLY)
        lacking = request.method in _METHODS_OF_ZOHO and read_only
        missing = f"{request.method} {path}" if lacking else ""
        message = "The http request method type is not a valid one"
        raise CrmError(400, "INVALID_REQUEST_METHOD", message, missing=missing)
    if context.user.email in context.settings.no_api_access:
        details = {"permissions": ["Crm_Implied_Api_Access"]}
        raise CrmError(403, "NO_PERMISSION", "permission denied", details)
    require(context.scopes, f"ZohoCRM.{route.scope.format(named.get('module'))}")
    check(context)
    call.cost = 1
    if "module" in named:
        named["module"] = _module(call, named["module"], route)
    if not named.get("record_id", "0").isdigit() and served_by_zoho(request.path):
        raise not_in_sandbox(f"address {request.path}")
    _compare(call, route)
    return route.answer(call, **named)


def _module(call: CrmCall, name: str, route: _Route) -> Module:
    module = call.context.schema.with_records(name)
    if module is not None:
        return module
    if served_by_zoho(f"/crm/v8/{name}"):
        raise not_in_sandbox(f"address {call.request.path}")
    known = call.context.schema.get(name) is not None
    if call.context.strict or known or route.answer not in _ADDING:
        in_data = route.answer in _WRAPPED
        raise invalid_module(name, {"resource_path_index": 0}, in_data=in_data)
    try:
        module = call.context.schema.add_module(name, kept=True)
    except ValueError:
        raise invalid_module(name, {"resource_path_index": 0}, in_data=True) from None
    call.missing.append(f"module {name} (kept as it came)")
    return module


def _compare(call: CrmCall, route: _Route) -> None:
    """Note what the call asks for and its route does not do."""
    for name in call.params:
        if name in route.params:
            continue
        if name in PARAMETERS_OF_ZOHO:
            call.lack(f"parameter {name}")
        else:
            # Zoho passes it over too; a slip of the pen is told all the same.
            call.missing.append(f"parameter {name}")
    for name in _HEADERS:
        if name in call.request.headers and name not in route.headers:
            call.lack(f"header {name}")
    if call.request.headers.get("content-type", "").startswith("multipart/"):
        call.lack("multipart bodies")
    if route.keys:
        _compare_body(call, route.keys, call.body)


def _compare_body(call: CrmCall, known: frozenset[str], body: Mapping[str, Any]) -> None:
    # Where not even its main key came, the route refuses it as Zoho does.
    for name in body if known & body.keys() else ():
        if name not in known:
            call.lack(f"body key {name}")
    # An org without workflows runs none: to ask for none is to be served.
    if body.get("trigger"):
        call.lack("trigger: the sandbox runs no workflows")


def _found(path: str) -> tuple[str, dict[str, Any], dict[str, _Route]]:
    base = _BASE.fullmatch(path)
    for pattern, methods in _COMPILED:
        match = pattern.fullmatch(base[1]) if base else None
        if base and match:
            named = {name: unquote(part) for name, part in match.groupdict().items()}
            return base[1], named, methods
    if served_by_zoho(path):
        raise not_in_sandbox(f"address {path}")
    message = "Please check if the URL trying to access is a correct one"
    raise CrmError(404, "INVALID_URL_PATTERN", message)
