"""Which part of the CRM answers a request, and what its caller needs for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from evergrant.sandbox.crm import deletes, metadata, people, reads, search, writes
from evergrant.sandbox.crm.call import Call
from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.coql import coql
from evergrant.sandbox.crm.credits import check, spend
from evergrant.sandbox.crm.errors import CrmError, invalid_module
from evergrant.sandbox.crm.modules import MODULES
from evergrant.sandbox.crm.scopes import require
from evergrant.sandbox.wire import Request, Response

__all__ = ["handle"]

_BASE = re.compile(r"/crm/v(?:2\.1|[2-8])/(.+)")
"""The versions that Zoho's SDKs call; the rules are those of v8 for all of them."""

_Handler = Callable[..., Response]
_Methods = dict[str, tuple[str, _Handler]]

_MODULE = r"(?P<module>(?!settings\b)[^/]+)"

_ROUTES: dict[str, _Methods] = {
    "coql": {"POST": ("coql.READ", coql)},
    "org": {"GET": ("org.READ", people.organisation)},
    "users": {"GET": ("users.READ", people.list_users)},
    "users/(?P<wanted>[^/]+)": {"GET": ("users.READ", people.one_user)},
    "settings/modules": {"GET": ("settings.modules.READ", metadata.list_modules)},
    "settings/modules/(?P<name>[^/]+)": {"GET": ("settings.modules.READ", metadata.one_module)},
    "settings/fields": {"GET": ("settings.fields.READ", metadata.list_fields)},
    "settings/fields/(?P<wanted>[^/]+)": {"GET": ("settings.fields.READ", metadata.one_field)},
    "settings/related_lists": {"GET": ("settings.related_lists.READ", metadata.related_lists)},
    f"{_MODULE}/deleted": {"GET": ("modules.{}.READ", deletes.list_deleted)},
    f"{_MODULE}/search": {"GET": ("modules.{}.READ", search.search)},
    f"{_MODULE}/upsert": {"POST": ("modules.{}.CREATE", writes.upsert)},
    _MODULE: {
        "GET": ("modules.{}.READ", reads.list_records),
        "POST": ("modules.{}.CREATE", writes.insert),
        "PUT": ("modules.{}.UPDATE", writes.update),
        "DELETE": ("modules.{}.DELETE", deletes.delete),
    },
    f"{_MODULE}/(?P<record_id>[^/]+)": {
        "GET": ("modules.{}.READ", reads.one_record),
        "PUT": ("modules.{}.UPDATE", writes.update_one),
        "DELETE": ("modules.{}.DELETE", deletes.delete_one),
    },
}
"""Path below the version, then method, then the scope below ``ZohoCRM.``; the first path fits."""

_COMPILED = [(re.compile(path), methods) for path, methods in _ROUTES.items()]

_WRAPPED = (writes.insert, writes.update, writes.upsert, deletes.list_deleted)
"""Calls that answer INVALID_MODULE inside ``data``, as the examples of zoho/crm-oas show."""


def handle(context: CrmContext, request: Request) -> Response:
    """Answer one authenticated call to the CRM."""
    call = Call(context, request)
    try:
        response = _answer(call)
    except CrmError as refused:
        response = refused.response
    return spend(context, response, call.cost)


def _answer(call: Call) -> Response:
    context, request = call.context, call.request
    named, methods = _found(request.path)
    if request.method not in methods:
        message = "The http request method type is not a valid one"
        raise CrmError(400, "INVALID_REQUEST_METHOD", message)
    scope, handler = methods[request.method]
    if context.user.email in context.settings.no_api_access:
        details = {"permissions": ["Crm_Implied_Api_Access"]}
        raise CrmError(403, "NO_PERMISSION", "permission denied", details)
    require(context.scopes, f"ZohoCRM.{scope.format(named.get('module'))}")
    check(context)
    call.cost = 1
    if "module" in named:
        module = MODULES.get(named["module"])
        if module is None or not module.api_supported:
            raise invalid_module({"resource_path_index": 0}, in_data=handler in _WRAPPED)
        named["module"] = module
    return handler(call, **named)


def _found(path: str) -> tuple[dict[str, Any], _Methods]:
    base = _BASE.fullmatch(path)
    for pattern, methods in _COMPILED:
        match = pattern.fullmatch(base[1]) if base else None
        if match:
            return {name: unquote(part) for name, part in match.groupdict().items()}, methods
    message = "Please check if the URL trying to access is a correct one"
    raise CrmError(404, "INVALID_URL_PATTERN", message)
