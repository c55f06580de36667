"""Settings: what modules, fields and related lists an org has."""

from __future__ import annotations

from typing import Any

from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.crm_call import CrmCall, only
from evergrant.sandbox.crm.errors import CrmError, invalid_module, param_missing
from evergrant.sandbox.crm.fields import Field
from evergrant.sandbox.crm.ids import Kind, make_id
from evergrant.sandbox.crm.if_modified_since import unmodified
from evergrant.sandbox.crm.modules import Module
from evergrant.sandbox.crm.times import stamp
from evergrant.sandbox.crm.users import ADMINISTRATOR
from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.models import Org

__all__ = [
    "describe_field",
    "list_fields",
    "list_modules",
    "module_id",
    "one_field",
    "one_module",
    "related_lists",
]

_VISIBLE = "visible"
_STATUSES = (_VISIBLE, "scheduled_for_deletion", "user_hidden", "system_hidden")
"""Of modules (zoho/crm-oas, getModules); all of the sandbox's are visible."""

_ALIKE: dict[str, Any] = {
    "webhook": True,
    "colour_code_enabled_by_system": False,
    "association_details": None,
    "businesscard_supported": True,
    "multi_module_lookup": {},
    "separator": False,
    "history_tracking_enabled": False,
    "external": None,
    "enable_colour_code": False,
    "virtual_field": False,
    "range": None,
    "display_type": -1,
    "ui_type": 1,
    "public": False,
    "email_parser": {"fields_update_supported": False, "record_operations_supported": False},
    "rollup_summary": {},
    "pick_list_values_sorted_lexically": False,
    "mass_update": False,
}
"""Keys of a field that zoho/crm-oas requires, and that are the same for all fields here."""

_JSON_TYPES = {
    "boolean": "boolean",
    "currency": "double",
    "double": "double",
    "jsonarray": "jsonarray",
    "jsonobject": "jsonobject",
    "percent": "double",
    "integer": "integer",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
}
"""What a field's value is in JSON, where it is not a string (field-meta.html)."""


def list_modules(call: CrmCall) -> Response:
    """GET /settings/modules; 304 when nothing changed since If-Modified-Since."""
    status = call.params.get("status", _VISIBLE).split(",")
    for place, name in enumerate(status):
        if name not in _STATUSES:
            details = {"param_name": "status", "index": place, "supported_values": _STATUSES}
            raise CrmError(400, "INVALID_DATA", "invalid data", details)
    if _VISIBLE not in status:
        return Response(204)
    if unmodified(call, call.context.settings.metadata_changed_at):
        return Response(304)
    described = [only(call, _module(call.context, m), "id") for m in call.context.schema]
    return json_response({"modules": described})


def one_module(call: CrmCall, name: str) -> Response:
    """GET /settings/modules/{id or api_name}; 304 as for the list."""
    schema, org = call.context.schema, call.context.org
    by_id = (module for module in schema if module_id(org, module) == name)
    module = schema.get(name) or next(by_id, None)
    if module is None:
        raise invalid_module(name, {})
    if unmodified(call, call.context.settings.metadata_changed_at):
        return Response(304)
    return json_response({"modules": [only(call, _module(call.context, module), "id")]})


def list_fields(call: CrmCall) -> Response:
    """GET /settings/fields?module=M; type=unused has none: a fresh org uses all of them."""
    module = _named(call, {})
    if call.choice("type", "all", "used", "unused") == "unused":
        return Response(204)
    described = [describe_field(call.context, module, field) for field in module.listed]
    return json_response({"fields": described})


def one_field(call: CrmCall, wanted: str) -> Response:
    """GET /settings/fields/{id}?module=M."""
    module = _named(call, {})
    for field in module.listed:
        if wanted == _field_id(call.context.org, module, field):
            return json_response({"fields": [describe_field(call.context, module, field)]})
    return Response(204)


def related_lists(call: CrmCall) -> Response:
    """GET /settings/related_lists?module=M."""
    module = _named(call, {"param_name": "module"})
    org, schema = call.context.org, call.context.schema
    listed = [
        {
            "id": make_id(org, Kind.SETTING, module.number * 100_000 + schema[name].number),
            "sequence_number": str(place),
            "display_label": name,
            "api_name": name,
            "module": {"api_name": name, "id": module_id(org, schema[name])},
            "name": name,
            "action": None,
            "href": f"{module.api_name}/{{ENTITYID}}/{name}",
            "type": "default",
            "customize_sort": True,
            "customize_fields": True,
            "customize_display_label": True,
            "status": "visible",
        }
        for place, name in enumerate(module.related, start=1)
    ]
    return json_response({"related_lists": listed}) if listed else Response(204)


def module_id(org: Org, module: Module) -> str:
    """Return a module's id within an org."""
    return make_id(org, Kind.SETTING, 2_000 + module.number)


def describe_field(context: CrmContext, module: Module, field: Field) -> dict[str, Any]:
    """Return a field's metadata, with the keys that Zoho sends for a system field."""
    org = context.org
    writable = not field.read_only
    marked = f"{module.api_name}.{field.api_name}" in context.settings.unique_fields
    unique = field.unique or marked
    target = context.schema.get(field.lookup)
    points_to = {"api_name": field.lookup, "id": module_id(org, target)} if target else None
    return {
        "id": _field_id(org, module, field),
        "api_name": field.api_name,
        "field_label": field.label,
        "display_label": field.label,
        "data_type": field.data_type,
        "json_type": _JSON_TYPES.get(field.data_type, "string"),
        "length": field.length,
        "decimal_place": 2 if field.data_type == "currency" else None,
        "system_mandatory": field.mandatory,
        "custom_field": field.custom,
        "read_only": field.read_only,
        "field_read_only": field.read_only,
        "visible": True,
        "type": "used",
        "created_source": "default",
        "unique": {"casesensitive": "false"} if unique else {},
        "lookup": {"module": points_to, "display_label": field.label} if points_to else {},
        "pick_list_values": [
            {
                "display_value": value,
                "actual_value": value,
                "reference_value": value,
                "id": make_id(org, Kind.SETTING, 3_000_000 + place),
                "sequence_number": place,
                "type": "used",
            }
            for place, value in enumerate(field.picks, start=1)
        ],
        "view_type": {
            "view": True,
            "edit": writable,
            "create": writable,
            "quick_create": field.mandatory,
        },
        "operation_type": {
            "web_create": writable,
            "web_update": writable,
            "api_create": writable,
            "api_update": writable,
        },
        "profiles": [{**_administrator(org), "permission_type": "read_write"}],
        "searchable": True,
        "sortable": True,
        "filterable": True,
        "default_value": None,
        "created_time": None,
        "modified_time": None,
        "formula": {},
        "currency": {},
        "auto_number": {},
        "multiselectlookup": {},
        "associated_module": None,
        **_ALIKE,
        "display_field": field.api_name == module.display,
    }


def _named(call: CrmCall, details: dict[str, str]) -> Module:
    name = call.params.get("module")
    if name is None:
        raise param_missing("module")
    module = call.context.schema.with_records(name)
    if module is None:
        raise invalid_module(name, details)
    return module


def _module(context: CrmContext, module: Module) -> dict[str, Any]:
    can, changed = module.api_supported, context.settings.metadata_changed_at
    return {
        "id": module_id(context.org, module),
        "api_name": module.api_name,
        "module_name": module.api_name,
        "singular_label": module.singular,
        "plural_label": module.api_name,
        "actual_singular_label": module.singular,
        "actual_plural_label": module.api_name,
        "generated_type": "custom" if module.custom else "default",
        "status": "visible",
        "visibility": 1,
        "sequence_number": module.number,
        "api_supported": can,
        "viewable": True,
        "creatable": can,
        "editable": can,
        "deletable": can,
        "quick_create": can,
        "convertable": module.api_name == "Leads",
        "global_search_supported": can,
        "show_as_tab": True,
        "access_type": "org_based",
        "modified_time": stamp(changed) if changed else None,
        "modified_by": None,
        "profiles": [_administrator(context.org)],
        "profile_count": 1,
        "arguments": [],
        "parent_module": {},
        "business_card_field_limit": 5,
    }


def _field_id(org: Org, module: Module, field: Field) -> str:
    return make_id(org, Kind.SETTING, module.number * 1_000 + module.listed.index(field))


def _administrator(org: Org) -> dict[str, str]:
    name, number = ADMINISTRATOR
    return {"name": name, "id": make_id(org, Kind.SETTING, number)}
