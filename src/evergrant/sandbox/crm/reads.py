"""GET of records: a module's list, and one record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError, ambiguous, invalid_data
from evergrant.sandbox.crm.if_modified_since import header_time
from evergrant.sandbox.crm.modules import Module
from evergrant.sandbox.crm.paging import sequence, tokens
from evergrant.sandbox.crm.tables import table
from evergrant.sandbox.crm.times import parse
from evergrant.sandbox.messages import Response, json_response

__all__ = [
    "Record",
    "by_id",
    "changed",
    "list_records",
    "one_record",
    "selected",
    "show",
]

Record = dict[str, Any]

_SYSTEM_KEYS = {
    "$approval_state": "approved",
    "$editable": True,
    "$in_merge": False,
    "$locked_for_me": False,
    "$state": "save",
}
"""What Zoho adds to a whole record; names are those of getRecord in zoho/crm-oas."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)

_CUSTOM_VIEW_COST = 3
"""Credits for a read by cvid (api-limits.html)."""


def list_records(call: CrmCall, module: Module) -> Response:
    """GET /{module}: a page of records, with the fields asked for."""
    if "fields" not in call.params:
        message, details = "required param is missing", {"param_name": "fields"}
        raise CrmError(400, "REQUIRED_PARAM_MISSING", message, details)
    wanted = selected(call, module)
    if "cvid" in call.params:
        call.cost = _CUSTOM_VIEW_COST
        raise ambiguous("cvid", "sort_by") if "sort_by" in call.params else invalid_data("cvid")
    key = call.choice("sort_by", "id", "Created_Time", "Modified_Time")
    order = call.choice("sort_order", "desc", "asc")
    page = sequence(call)
    rows = _asked_for(call, module)
    since = header_time(call, "If-Modified-Since")
    if since is not None:
        rows = [row for row in rows if changed(row) > since]
        if not rows:
            return Response(304)
    rows.sort(key=by_id if key == "id" else lambda row: (_moment(row, key), by_id(row)))
    if order == "desc":
        rows.reverse()
    shown = [show(row, wanted) for row in page.cut(rows)]
    if not shown:
        return Response(204)
    info = page.info(rows)
    info |= {"sort_by": key, "sort_order": order, "call": False, "email": False}
    info |= tokens(call, page, more=info["more_records"])
    return json_response({"data": shown, "info": info})


def one_record(call: CrmCall, module: Module, record_id: str) -> Response:
    """GET /{module}/{id}: all fields, unless some are asked for."""
    if not record_id.isdigit():
        details = {"resource_path_index": 1}
        raise CrmError(400, "INVALID_DATA", "the id given seems to be invalid", details)
    row = table(call.context.org, module.api_name).get(record_id)
    if row is None:
        return Response(204)
    since = header_time(call, "If-Modified-Since")
    if since is not None and changed(row) <= since:
        return Response(304)
    return json_response({"data": [show(row, selected(call, module))]})


def selected(call: CrmCall, module: Module) -> list[str]:
    """Return the fields that the call asks for; none named: all.

    Raises:
        CrmError: More than Zoho takes in one call, or one that the sandbox does not have.
    """
    if "fields" not in call.params:
        return [*module.by_name, *_SYSTEM_KEYS]
    named = [name.strip() for name in call.params["fields"].split(",")]
    limit = call.context.settings.max_fields
    if len(named) > limit:
        details = {"limit": limit, "param_name": "fields"}
        raise CrmError(400, "LIMIT_EXCEEDED", "limit exceeded", details)
    for name in named:
        if name not in module.by_name and name not in _SYSTEM_KEYS:
            call.lack(f"field {module.api_name}.{name} (declare it: add_field)")
    return [name for name in named if name in module.by_name or name in _SYSTEM_KEYS]


def show(row: Record, wanted: list[str]) -> Record:
    """Return a record as it is answered: the wanted fields, and always the id."""
    return {name: row.get(name, _SYSTEM_KEYS.get(name)) for name in wanted} | {"id": row["id"]}


def changed(row: Record) -> datetime:
    """Return when a record was last modified."""
    return _moment(row, "Modified_Time")


def by_id(row: Record) -> int:
    """Return what sorts records in the order they were made in."""
    return int(row["id"])


def _moment(row: Record, name: str) -> datetime:
    # A record that a test planted may have none.
    return parse(row.get(name) or "") or _EARLIEST


def _asked_for(call: CrmCall, module: Module) -> list[Record]:
    converted = call.choice("converted", "false", "true", "both")
    if converted == "true":
        return []
    rows = table(call.context.org, module.api_name)
    if "ids" not in call.params:
        return list(rows.values())
    return [rows[name] for name in call.params["ids"].split(",") if name in rows]
