"""GET /{module}/search: by criteria, e-mail, phone or word."""

from __future__ import annotations

from evergrant.sandbox.crm.conditions import Condition
from evergrant.sandbox.crm.criteria import parse_criteria
from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.modules import Module
from evergrant.sandbox.crm.paging import page_of
from evergrant.sandbox.crm.reads import Record, by_id, changed, selected, show
from evergrant.sandbox.crm.scopes import require
from evergrant.sandbox.crm.tables import table
from evergrant.sandbox.messages import Response, json_response

__all__ = ["search"]

_WAYS = ("criteria", "email", "phone", "word")
"""In the order Zoho prefers them; only the first one given counts (search-records.html)."""

_SHORTEST = {"email": 2, "phone": 3, "word": 2}
"""Characters, of a phone number digits, that a search needs."""

_TEXTS = ("text", "email", "phone", "website", "picklist", "textarea")


def search(call: CrmCall, module: Module) -> Response:
    """Answer the matching records, the newest first."""
    way = next((way for way in _WAYS if call.params.get(way)), None)
    if way is None:
        message, details = "one of the expected parameter is missing", {"param_names": _WAYS}
        raise CrmError(400, "EXPECTED_PARAM_MISSING", message, details)
    page, settings = page_of(call), call.context.settings
    if settings.search_scope:
        require(call.context.scopes, settings.search_scope)
    if page.end > settings.search_rows:
        message = "maximum response iteration limit reached"
        raise CrmError(400, "LIMIT_REACHED", message, {"limit": str(settings.search_rows)})
    meets, wanted = _condition(call, module, way), selected(call, module)
    rows = table(call.context.org, module.api_name).values()
    found = [row for row in rows if meets(row) and _indexed(call, row)]
    if call.choice("converted", "false", "true", "both") == "true":
        found = []
    found.sort(key=by_id, reverse=True)
    shown = [show(row, wanted) for row in page.cut(found)]
    if not shown:
        return Response(204)
    return json_response({"data": shown, "info": page.info(found)})


def _condition(call: CrmCall, module: Module, way: str) -> Condition:
    text = call.params[way]
    if way == "criteria":
        return parse_criteria(call.context.settings, module, text)
    if len(_digits(text) if way == "phone" else text) < _SHORTEST[way]:
        raise CrmError(400, "INVALID_DATA", "invalid data", {"param_name": way})
    kinds = _TEXTS if way == "word" else (way,)
    names = [field.api_name for field in module.listed if field.data_type in kinds]
    if way == "phone":
        digits = _digits(text)
        return lambda row: any(digits in _digits(row.get(name) or "") for name in names)
    part = text.casefold()
    return lambda row: any(part in (row.get(name) or "").casefold() for name in names)


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _indexed(call: CrmCall, row: Record) -> bool:
    lag = call.context.settings.index_lag
    return not lag or changed(row) <= call.context.now - lag
