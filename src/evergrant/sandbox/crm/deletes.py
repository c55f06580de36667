"""DELETE of records, and the list of what was deleted."""

from __future__ import annotations

from typing import Any

from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError, param_missing, problem
from evergrant.sandbox.crm.if_modified_since import header_time
from evergrant.sandbox.crm.modules import Module
from evergrant.sandbox.crm.paging import page_of
from evergrant.sandbox.crm.tables import deleted, table
from evergrant.sandbox.crm.times import parse, stamp
from evergrant.sandbox.crm.users import reference
from evergrant.sandbox.crm.writes import outcome
from evergrant.sandbox.messages import Response, json_response

__all__ = ["delete", "delete_one", "list_deleted"]

_KINDS = ("all", "recycle", "permanent")
_LIST_COST = 2
"""Credits for a list of deleted records (api-limits.html)."""


def delete(call: CrmCall, module: Module) -> Response:
    """DELETE /{module}?ids=a,b: into the recycle bin."""
    if not call.params.get("ids"):
        raise param_missing("ids")
    ids, most = call.params["ids"].split(","), call.context.settings.max_write
    if len(ids) > most:
        details = {"limit": most, "param_name": "ids"}
        raise CrmError(400, "LIMIT_EXCEEDED", "limit exceeded", details)
    return outcome((_delete(call, module, record_id.strip()) for record_id in ids), 200)


def delete_one(call: CrmCall, module: Module, record_id: str) -> Response:
    """DELETE /{module}/{id}; an unknown id is a refusal of the whole call."""
    result = _delete(call, module, record_id)
    if result["status"] == "error":
        raise CrmError(400, result["code"], result["message"], {"resource_path_index": 1})
    return outcome([result], 200)


def list_deleted(call: CrmCall, module: Module) -> Response:
    """GET /{module}/deleted: the latest first; 304 when none since If-Modified-Since."""
    call.cost = _LIST_COST
    kind = call.params.get("type", "all")
    if kind not in _KINDS:
        message = "Please check whether the input values are correct"
        details = {"param_name": "type"}
        raise CrmError(400, "PATTERN_NOT_MATCHED", message, details, in_data=True)
    page, since = page_of(call), header_time(call, "If-Modified-Since")
    entries = [_aged(call, entry) for entry in deleted(call.context.org, module.api_name).values()]
    if since is not None:
        entries = [entry for entry in entries if _time(entry) > since]
        if not entries:
            return Response(304)
    listed = [entry for entry in entries if kind in ("all", entry["type"])]
    listed.sort(key=_time, reverse=True)
    shown = page.cut(listed)
    if not shown:
        return Response(204)
    return json_response({"data": shown, "info": page.info(listed)})


def _delete(call: CrmCall, module: Module, record_id: str) -> dict[str, Any]:
    context = call.context
    if not record_id.isdigit():
        message = "either the request body or parameters is in wrong format"
        return problem("INVALID_DATA", message, {"id": record_id})
    row = table(context.org, module.api_name).pop(record_id, None)
    if row is None:
        return problem("INVALID_DATA", "record not deleted", {"id": record_id})
    created_by = row.get("Created_By")
    deleted(context.org, module.api_name)[record_id] = {
        "id": record_id,
        "display_name": row.get(module.display),
        "created_by": created_by and {key: created_by[key] for key in ("name", "id")},
        "deleted_by": reference(context.org, context.user),
        "deleted_time": stamp(context.now),
    }
    return {
        "code": "SUCCESS",
        "details": {"id": record_id},
        "message": "record deleted",
        "status": "success",
    }


def _aged(call: CrmCall, entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as it is now: after its time in the recycle bin, Zoho forgets the rest."""
    if call.context.now - _time(entry) < call.context.settings.recycle_bin_life:
        return entry | {"type": "recycle"}
    return entry | {
        "type": "permanent",
        "display_name": None,
        "created_by": None,
        "deleted_by": None,
    }


def _time(entry: dict[str, Any]) -> Any:
    return parse(entry["deleted_time"])
