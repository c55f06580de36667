"""Modules, fields and related lists: what the official SDK reads before any record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from evergrant.sandbox.crm.modules import MODULES
from tests.support.sandbox.crm_caller import Desk, problem

CHANGED = datetime(2026, 2, 1, 12, tzinfo=UTC)
BEFORE, AT, AFTER = (f"2026-02-01T{hour}:00:00+00:00" for hour in (11, 12, 13))
NO_MODULE = "the module name given seems to be invalid"


def _fields(bridge: Desk, module: str) -> dict[str, dict[str, object]]:
    answer = bridge.get("settings/fields", module=module)
    assert answer.status == 200
    return {field["api_name"]: field for field in answer.json["fields"]}


def test_the_modules_and_whether_the_api_has_their_records() -> None:
    modules = Desk().get("settings/modules").json["modules"]
    supported = {module["api_name"]: module["api_supported"] for module in modules}
    assert supported == {"Home": False, "Leads": True, "Accounts": True, "Contacts": True}
    assert len({module["id"] for module in modules}) == len(modules)


def test_one_module_by_its_api_name() -> None:
    bridge = Desk()
    (lead,) = bridge.get("settings/modules/Leads").json["modules"]
    assert lead in bridge.get("settings/modules").json["modules"]
    wanted = {
        "api_name": "Leads",
        "module_name": "Leads",
        "generated_type": "default",
        "status": "visible",
        "visibility": 1,
        "singular_label": "Lead",
        "plural_label": "Leads",
        "creatable": True,
        "editable": True,
        "viewable": True,
        "deletable": True,
        "quick_create": True,
        "modified_time": None,
        "modified_by": None,
        "parent_module": {},
        "arguments": [],
    }
    assert wanted.items() <= lead.items()
    assert [set(profile) for profile in lead["profiles"]] == [{"name", "id"}]


def test_an_unknown_module_in_settings() -> None:
    answer = Desk().get("settings/modules/Leeds")
    assert (answer.status, answer.json) == (400, problem("INVALID_MODULE", NO_MODULE, {}))


@pytest.mark.parametrize("path", ["settings/modules", "settings/modules/Leads"])
@pytest.mark.parametrize(("since", "status"), [(BEFORE, 200), (AT, 304), (AFTER, 304)])
def test_modules_are_sent_when_changed_since(path: str, since: str, status: int) -> None:
    bridge = Desk(CrmSettings(metadata_changed_at=CHANGED))
    answer = bridge.get(path, {"If-Modified-Since": since})
    assert answer.status == status
    if status == 304:
        assert answer.raw == b""
    else:
        assert answer.json["modules"][0]["modified_time"] == AT


def test_modules_never_changed_are_not_sent_again() -> None:
    assert Desk().get("settings/modules", {"If-Modified-Since": BEFORE}).status == 304


@pytest.mark.parametrize(
    "text", ["Sun, 01 Feb 2026 12:00:00 GMT", "2026-02-01", "2026-02-01T12:00:00"]
)
def test_if_modified_since_is_iso_8601_and_no_http_date(text: str) -> None:
    answer = Desk().get("settings/modules", {"If-Modified-Since": text})
    assert (answer.status, answer.json["code"]) == (400, "INVALID_REQUEST")


def test_the_fields_of_leads() -> None:
    fields = _fields(Desk(), "Leads")
    for name, data_type, json_type in [
        ("Last_Name", "text", "string"),
        ("Email", "email", "string"),
        ("Phone", "phone", "string"),
        ("Lead_Source", "picklist", "string"),
        ("Owner", "ownerlookup", "jsonobject"),
        ("Created_Time", "datetime", "string"),
        ("Annual_Revenue", "currency", "double"),
        ("No_of_Employees", "integer", "integer"),
        ("Email_Opt_Out", "boolean", "boolean"),
        ("Description", "textarea", "string"),
        ("Website", "website", "string"),
    ]:
        assert (fields[name]["data_type"], fields[name]["json_type"]) == (data_type, json_type)
    assert [name for name in fields if fields[name]["system_mandatory"]] == ["Last_Name"]
    read_only = {name for name in fields if fields[name]["read_only"]}
    times = {"Created_Time", "Modified_Time"}
    assert read_only == times | {"Full_Name", "Created_By", "Modified_By"}


def test_a_field_has_the_keys_that_are_documented() -> None:
    field = _fields(Desk(), "Leads")["Last_Name"]
    wanted = {
        "field_label": "Last Name",
        "display_label": "Last Name",
        "length": 80,
        "custom_field": False,
        "visible": True,
        "unique": {},
        "lookup": {},
        "pick_list_values": [],
        "decimal_place": None,
        "field_read_only": False,
        "view_type": {"view": True, "edit": True, "create": True, "quick_create": True},
        "operation_type": {
            "web_create": True,
            "web_update": True,
            "api_create": True,
            "api_update": True,
        },
    }
    assert wanted.items() <= field.items()


def test_a_picklist_tells_its_values() -> None:
    field = _fields(Desk(), "Leads")["Lead_Source"]
    values = [(v["display_value"], v["actual_value"]) for v in field["pick_list_values"]]  # type: ignore[attr-defined]
    assert ("Cold Call", "Cold Call") in values


def test_a_lookup_tells_its_module() -> None:
    bridge = Desk()
    lookup = _fields(bridge, "Contacts")["Account_Name"]["lookup"]
    (accounts,) = bridge.get("settings/modules/Accounts").json["modules"]
    assert lookup["module"] == {"api_name": "Accounts", "id": accounts["id"]}  # type: ignore[index]


def test_a_unique_field_says_so() -> None:
    bridge = Desk(CrmSettings(unique_fields=frozenset({"Leads.Email"})))
    assert _fields(bridge, "Leads")["Email"]["unique"] == {"casesensitive": "false"}
    assert _fields(bridge, "Contacts")["Email"]["unique"] == {}


def test_ids_of_fields_differ_all_over_the_org() -> None:
    bridge = Desk()
    names = [name for name, module in MODULES.items() if module.api_supported]
    ids = [field["id"] for name in names for field in _fields(bridge, name).values()]
    assert len(set(ids)) == len(ids)


def test_one_field_by_id() -> None:
    bridge = Desk()
    email = _fields(bridge, "Contacts")["Email"]
    assert bridge.get(f"settings/fields/{email['id']}", module="Contacts").json == {
        "fields": [email]
    }


def test_a_field_of_another_module_is_an_empty_204() -> None:
    bridge = Desk()
    email = _fields(bridge, "Contacts")["Email"]
    answer = bridge.get(f"settings/fields/{email['id']}", module="Leads")
    assert (answer.status, answer.raw) == (204, b"")


@pytest.mark.parametrize(("kind", "status"), [("all", 200), ("used", 200), ("unused", 204)])
def test_a_fresh_org_has_no_unused_fields(kind: str, status: int) -> None:
    assert Desk().get("settings/fields", module="Leads", type=kind).status == status


@pytest.mark.parametrize("path", ["fields", "fields/1", "related_lists"])
def test_settings_without_a_module(path: str) -> None:
    answer = Desk().get(f"settings/{path}")
    assert answer.status == 400
    message = "One of the expected parameter is missing"
    assert answer.json == problem("REQUIRED_PARAM_MISSING", message, {"param_name": "module"})


@pytest.mark.parametrize(
    ("path", "details"),
    [("fields", {}), ("fields/1", {}), ("related_lists", {"param_name": "module"})],
)
@pytest.mark.parametrize("module", ["Leeds", "Home"])
def test_settings_of_an_unknown_module(path: str, details: dict[str, str], module: str) -> None:
    answer = Desk().get(f"settings/{path}", module=module)
    assert (answer.status, answer.json) == (400, problem("INVALID_MODULE", NO_MODULE, details))


def test_the_related_lists_of_accounts() -> None:
    (listed,) = Desk().get("settings/related_lists", module="Accounts").json["related_lists"]
    assert listed["api_name"] == listed["name"] == listed["module"]["api_name"] == "Contacts"
    assert listed["href"] == "Accounts/{ENTITYID}/Contacts"
    assert listed["sequence_number"] == "1"
    assert listed["status"] == "visible"


def test_a_module_without_related_lists_is_an_empty_204() -> None:
    assert Desk().get("settings/related_lists", module="Leads").status == 204


FIELD_KEYS = [
    "api_name",
    "association_details",
    "auto_number",
    "businesscard_supported",
    "colour_code_enabled_by_system",
    "created_source",
    "currency",
    "custom_field",
    "data_type",
    "display_field",
    "display_label",
    "display_type",
    "email_parser",
    "enable_colour_code",
    "external",
    "field_label",
    "field_read_only",
    "filterable",
    "formula",
    "history_tracking_enabled",
    "id",
    "lookup",
    "mass_update",
    "multi_module_lookup",
    "operation_type",
    "pick_list_values",
    "pick_list_values_sorted_lexically",
    "profiles",
    "public",
    "range",
    "read_only",
    "rollup_summary",
    "searchable",
    "separator",
    "sortable",
    "system_mandatory",
    "type",
    "ui_type",
    "unique",
    "view_type",
    "virtual_field",
    "visible",
    "webhook",
]
"""What zoho/crm-oas (v8.0, getFields) requires of a field."""


@pytest.mark.parametrize("module", ["Leads", "Contacts", "Accounts"])
def test_a_field_has_every_key_that_zoho_requires(module: str) -> None:
    for field in Desk().get("settings/fields", module=module).json["fields"]:
        assert set(FIELD_KEYS) <= field.keys()
        for value in field["pick_list_values"]:
            assert value["reference_value"] == value["actual_value"]


def test_a_module_is_found_by_its_id_too() -> None:
    bridge = Desk()
    for module in bridge.get("settings/modules").json["modules"]:
        assert bridge.get(f"settings/modules/{module['id']}").json["modules"] == [module]
        assert bridge.get(f"settings/modules/{module['api_name']}").json["modules"] == [module]


def test_the_properties_of_modules_that_are_asked_for() -> None:
    bridge = Desk()
    (leads,) = bridge.get("settings/modules/Leads", fields="api_name, viewable").json["modules"]
    assert leads.keys() == {"id", "api_name", "viewable"}
    assert bridge.get("settings/modules", fields="nonsense").missing == "property nonsense"


def test_modules_by_status() -> None:
    bridge = Desk()
    assert bridge.get("settings/modules", status="visible,user_hidden").status == 200
    assert bridge.get("settings/modules", status="user_hidden").status == 204
    answer = bridge.get("settings/modules", status="visible,gone")
    assert (answer.status, answer.json["details"]["index"]) == (400, 1)
