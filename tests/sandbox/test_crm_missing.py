"""What Zoho has and the sandbox has not is told, and never dropped in silence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox.crm_caller import Answer, Desk

PEOPLE = {"fields": "Last_Name"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/crm/v8/settings/layouts"),
        ("GET", "/crm/v8/settings/custom_views"),
        ("POST", "/crm/v8/Leads/1/actions/convert"),
        ("GET", "/crm/v8/Leads/actions/count"),
        ("GET", "/crm/v8/Accounts/1/Contacts"),
        ("POST", "/crm/bulk/v8/read"),
        ("POST", "/crm/v8/files"),
        ("GET", "/books/v3/organizations"),
    ],
)
def test_an_address_of_zohos_that_is_not_served(method: str, path: str) -> None:
    answer = Desk().call(method, path)
    assert (answer.status, answer.json["code"]) == (501, "NOT_IN_SANDBOX")
    assert answer.missing == f"address {path}"


@pytest.mark.parametrize("path", ["/crm/v99/Leads", "/nowhere", "/crm/v8/settings/nothing"])
def test_an_address_that_zoho_has_not_either(path: str) -> None:
    answer = Desk().get(path)
    assert (answer.status, answer.json["code"], answer.missing) == (
        404,
        "INVALID_URL_PATTERN",
        None,
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_zoho_has_and_the_sandbox_has_not(method: str) -> None:
    answer = Desk().call(method, "users", {"users": [{}]})
    assert (answer.json["code"], answer.missing) == ("INVALID_REQUEST_METHOD", f"{method} users")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("Leads", {**PEOPLE, "territory_id": "1"}),
        ("Leads", {**PEOPLE, "include_child": "true"}),
        ("Leads/search", {"word": "Doe", "approved": "both"}),
        ("Leads/search", {"word": "Doe", "page_token": "x"}),
        ("Leads/deleted", {"page_token": "x"}),
        ("users", {"role_id": "1"}),
        ("settings/fields", {"module": "Leads", "include": "allowed_permissions_to_update"}),
        ("settings/modules", {"feature_name": "x"}),
    ],
)
def test_a_parameter_that_is_not_honoured_is_refused_or_told(
    path: str, params: dict[str, str]
) -> None:
    bridge = Desk()
    *_, name = params
    refused = bridge.get(path, **params)
    assert (refused.status, refused.missing) == (501, f"parameter {name}")
    bridge.strict = False
    answer = bridge.get(path, **params)
    assert answer.status in (200, 204)
    assert answer.missing == f"parameter {name}"


def test_a_parameter_that_zoho_has_not_either_is_passed_over_and_told() -> None:
    answer = Desk().get("Leads", fields="Last_Name", sort_oder="asc")
    assert (answer.status, answer.missing) == (204, "parameter sort_oder")


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("org", "If-Modified-Since"),
        ("Leads?", "X-EXTERNAL"),
        ("Leads?", "If-Unmodified-Since"),
        ("users", "Content-Encoding"),
    ],
)
def test_a_header_that_is_not_honoured_is_refused_or_told(path: str, header: str) -> None:
    bridge = Desk()
    headers, params = {header: "Leads.External"}, PEOPLE if path.endswith("?") else {}
    refused = bridge.get(path.rstrip("?"), headers, **params)
    assert (refused.status, refused.missing) == (501, f"header {header.lower()}")
    bridge.strict = False
    assert bridge.get(path.rstrip("?"), headers, **params).missing == f"header {header.lower()}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("apply_feature_execution", [{"name": "layout_rules"}]),
        ("skip_feature_execution", [{"name": "cadences"}]),
        ("lar_id", "1"),
        ("wf_trigger", "true"),
    ],
)
@pytest.mark.parametrize("path", ["Leads", "Leads/upsert"])
def test_a_key_beside_data_is_not_dropped_behind_a_success(path: str, key: str, value: Any) -> None:
    bridge = Desk()
    body = {"data": [{"Last_Name": "Doe"}], key: value}
    refused = bridge.call("POST", path, body)
    assert (refused.status, refused.missing) == (501, f"body key {key}")
    assert bridge.get("Leads", **PEOPLE).status == 204  # nothing was written
    bridge.strict = False
    assert bridge.call("POST", path, body).missing == f"body key {key}"
    assert len(bridge.get("Leads", **PEOPLE).ids) == 1


def test_no_workflows_are_run_and_asking_for_none_is_served() -> None:
    bridge = Desk()
    assert _insert(bridge, trigger=[]).missing is None
    assert _insert(bridge, trigger=["workflow"]).missing == "trigger: the sandbox runs no workflows"


def test_an_unknown_field_is_refused_in_its_own_record() -> None:
    bridge = Desk()
    answer = bridge.insert({"Last_Name": "Doe"}, {"Last_Name": "Roe", "Lats_Name": "Roe"})
    assert answer.status == 207
    _, wrong = answer.json["data"]
    assert (wrong["code"], wrong["status"]) == ("INVALID_DATA", "error")
    assert wrong["details"] == {"api_name": "Lats_Name", "json_path": "$.data[1].Lats_Name"}
    assert answer.missing == "field Leads.Lats_Name (declare it: add_field)"


@pytest.mark.parametrize("path", ["Leads", "Leads/upsert", "Leads/{}"])
def test_an_unknown_field_is_refused_in_every_write(path: str) -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    entry = {"id": lead, "Last_Name": "Doe", "Shoe_Size": 44}
    method = "POST" if path.endswith("upsert") else "PUT"
    answer = bridge.call(method, path.format(lead), {"data": [entry]})
    assert (answer.status, answer.json["data"][0]["code"]) == (400, "INVALID_DATA")
    assert answer.missing == "field Leads.Shoe_Size (declare it: add_field)"


@pytest.mark.parametrize("value", [44, 4.5, True, "44", {"de": 44}, [44, 45]])
def test_an_unknown_field_is_kept_where_the_sandbox_is_not_strict(value: object) -> None:
    bridge = Desk(strict=False)
    answer = bridge.insert({"Last_Name": "Doe", "Shoe_Size": value})
    assert (answer.status, answer.missing) == (201, "field Leads.Shoe_Size (declare it: add_field)")
    lead = answer.json["data"][0]["details"]["id"]
    assert bridge.lead(lead)["Shoe_Size"] == value
    assert bridge.get("Leads", fields="Shoe_Size").json["data"] == [
        {"Shoe_Size": value, "id": lead}
    ]
    # Every write of it is told, not only the first.
    assert bridge.insert({"Last_Name": "Roe", "Shoe_Size": value}).missing == answer.missing


def test_a_key_that_steers_zoho_is_not_passed_over_in_silence() -> None:
    entry = {"Last_Name": "Doe", "$append_values": {"Tag": True}}
    refused = Desk().insert(entry)
    assert (refused.status, refused.missing is None) == (400, False)
    assert Desk(strict=False).insert(entry).missing == refused.missing


def test_an_unknown_module_is_refused_or_kept() -> None:
    bridge = Desk()
    refused = bridge.insert({"Name": "Anna"}, module="Students")
    assert refused.json["data"][0]["code"] == "INVALID_MODULE"
    assert refused.missing == "module Students (declare it: add_module)"
    bridge.strict = False
    assert bridge.get("Students", fields="Name").json["code"] == "INVALID_MODULE"
    kept = bridge.insert({"Name": "Anna", "Grade": 5}, module="Students")
    assert kept.status == 201
    assert "module Students" in (kept.missing or "")
    assert bridge.get("Students", fields="Name,Grade").column("Grade") == [5]


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("select count(id) from Leads where id > 1", "COQL: functions"),
        ("select Last_Name as n from Leads where id > 1", "COQL: aliases"),
        ("select Last_Name from Leads where id > 1 group by Last_Name", "COQL: group by"),
        (
            "select id from Leads where id in (select id from Leads where id > 1)",
            "COQL: subqueries",
        ),
        (
            "select Account_Name.Phone from Contacts where id > 1",
            "COQL: joins (Contacts.Account_Name.Phone)",
        ),
        (
            "select Shoe_Size from Leads where id > 1",
            "field Leads.Shoe_Size (declare it: add_field)",
        ),
        ("select id from Students where id > 1", "module Students (declare it: add_module)"),
    ],
)
def test_what_coql_cannot_do_here_is_told(query: str, missing: str) -> None:
    answer = Desk().coql(query)
    assert (answer.status, answer.missing) == (400, missing)


def test_an_unknown_field_of_a_search_is_told() -> None:
    answer = Desk().search("(Shoe_Size:equals:44)")
    assert answer.json["code"] == "INVALID_QUERY"
    assert answer.missing == "field Leads.Shoe_Size (declare it: add_field)"


def test_a_name_from_outside_begins_no_header_of_its_own() -> None:
    answer = Desk().insert({"Last_Name": "Doe", "A\r\nSet-Cookie: a=b": 1})
    assert answer.missing is not None
    assert answer.missing.isprintable()


def test_what_both_have_is_not_marked() -> None:
    bridge = Desk()
    bridge.add({})
    for answer in (
        bridge.get("Leads", **PEOPLE),
        bridge.get("Leads", fields="Last_Name", sort_by="nonsense"),
        bridge.get("settings/fields"),
        bridge.coql("select from"),
    ):
        assert answer.missing is None


def _insert(bridge: Desk, **beside: Any) -> Answer:
    return bridge.call("POST", "Leads", {"data": [{"Last_Name": "Doe"}], **beside})
