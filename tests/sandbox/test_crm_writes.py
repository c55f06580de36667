"""Inserting and updating records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.sandbox.crm_caller import Desk, problem

NO_MODULE = "the module name given seems to be invalid"
NO_ID = "the id given seems to be invalid"


def test_an_inserted_record_and_its_result() -> None:
    bridge = Desk()
    answer = bridge.insert({"Last_Name": "Doe"})
    assert answer.status == 201
    (result,) = answer.json["data"]
    alice = {"name": "Alice Adams", "id": result["details"]["Created_By"]["id"]}
    assert result == {
        "code": "SUCCESS",
        "details": {
            "Modified_Time": "2026-03-01T09:00:00+00:00",
            "Modified_By": alice,
            "Created_Time": "2026-03-01T09:00:00+00:00",
            "id": result["details"]["id"],
            "Created_By": alice,
            "$approval_state": "approved",
        },
        "message": "record added",
        "status": "success",
    }
    assert bridge.lead(result["details"]["id"])["Last_Name"] == "Doe"


def test_results_stand_in_the_order_of_the_records() -> None:
    bridge = Desk()
    answer = bridge.insert(*({"Last_Name": f"L{n}"} for n in range(3)))
    ids = [result["details"]["id"] for result in answer.json["data"]]
    assert [bridge.lead(lead)["Last_Name"] for lead in ids] == ["L0", "L1", "L2"]
    assert ids == sorted(ids)


def test_milliseconds_are_cut_off() -> None:
    bridge = Desk(now=datetime(2026, 3, 1, 9, 0, 0, 999_999, tzinfo=UTC))
    (result,) = bridge.insert({"Last_Name": "Doe"}).json["data"]
    assert result["details"]["Created_Time"] == "2026-03-01T09:00:00+00:00"


def test_a_lead_without_a_last_name() -> None:
    for record in ({"City": "Bonn"}, {"Last_Name": None}, {"Last_Name": ""}):
        bridge = Desk()
        answer = bridge.insert(record)
        assert answer.status == 400
        details = {"api_name": "Last_Name", "json_path": "$.data[0].Last_Name"}
        wanted = problem("MANDATORY_NOT_FOUND", "required field not found", details)
        assert answer.json == {"data": [wanted]}
        assert bridge.get("Leads", fields="id").status == 204


def test_an_account_without_a_name() -> None:
    answer = Desk().insert({"Phone": "1"}, module="Accounts")
    assert answer.json["data"][0]["details"]["api_name"] == "Account_Name"


def test_some_records_go_through_and_some_do_not() -> None:
    bridge = Desk()
    answer = bridge.insert({"Last_Name": "Doe"}, {}, {"Last_Name": "Roe"})
    assert answer.status == 207
    assert [result["status"] for result in answer.json["data"]] == ["success", "error", "success"]
    assert answer.json["data"][1]["details"]["json_path"] == "$.data[1].Last_Name"
    assert bridge.get("Leads", fields="Last_Name").column("Last_Name") == ["Roe", "Doe"]


@pytest.mark.parametrize(
    ("field", "value", "details"),
    [
        ("Company", 7, {"expected_data_type": "text"}),
        ("Company", "x" * 201, {"maximum_length": 200}),
        ("Last_Name", "x" * 81, {"maximum_length": 80}),
        ("Email", "nobody", {"expected_data_type": "email"}),
        ("Email", "a b@c.de", {"expected_data_type": "email"}),
        ("Email", ["a@b.cd"], {"expected_data_type": "email"}),
        ("Phone", 49228, {"expected_data_type": "phone"}),
        ("Phone", "1" * 31, {"maximum_length": 30}),
        ("Lead_Source", 1, {"expected_data_type": "text"}),
        ("Description", 0, {"expected_data_type": "text"}),
        ("No_of_Employees", "7", {"expected_data_type": "integer"}),
        ("No_of_Employees", 7.5, {"expected_data_type": "integer"}),
        ("No_of_Employees", True, {"expected_data_type": "integer"}),
        ("No_of_Employees", 1_000_000_000, {"maximum_length": 9}),
        ("Annual_Revenue", "7", {"expected_data_type": "double"}),
        ("Annual_Revenue", False, {"expected_data_type": "double"}),
        ("Email_Opt_Out", "true", {"expected_data_type": "boolean"}),
        ("Email_Opt_Out", 1, {"expected_data_type": "boolean"}),
        ("Owner", 1.5, {"expected_data_type": "jsonobject"}),
        ("Owner", {"name": "Bob"}, {"expected_data_type": "jsonobject"}),
        ("Owner", {"id": "1"}, {}),
    ],
)
def test_a_value_of_the_wrong_kind(field: str, value: object, details: dict[str, Any]) -> None:
    bridge = Desk()
    answer = bridge.insert({"Last_Name": "Doe", field: value})
    assert answer.status == 400
    at = {"api_name": field, "json_path": f"$.data[0].{field}"}
    assert answer.json == {"data": [problem("INVALID_DATA", "invalid data", {**details, **at})]}
    assert bridge.get("Leads", fields="id").status == 204


@pytest.mark.parametrize(
    "text", ["01.02.1990", "19900201", "1990-02-30", "1990-02-01T00:00:00+00:00"]
)
def test_a_date_that_is_none(text: str) -> None:
    answer = Desk().insert({"Last_Name": "Doe", "Date_of_Birth": text}, module="Contacts")
    assert answer.json["data"][0]["details"]["expected_data_type"] == "date"


def test_values_that_fit_are_kept_as_they_are() -> None:
    bridge = Desk()
    record = {
        "Last_Name": "x" * 80,
        "Email": "o'brien+tag@mail.example.co.uk",
        "Phone": "+49 (228) 12-34",
        "Lead_Source": "a value that the picklist does not offer",
        "No_of_Employees": -999_999_999,
        "Annual_Revenue": 12.5,
        "Email_Opt_Out": True,
        "Description": "y" * 32_000,
        "City": None,
        "Company": "",
    }
    (lead,) = bridge.add(record)
    kept = bridge.lead(lead)
    assert {name: kept[name] for name in record} == record


def test_several_faults_in_one_record() -> None:
    answer = Desk().insert({"Email": "nobody", "Company": 7})
    assert answer.status == 400
    (result,) = answer.json["data"]
    assert (result["code"], result["message"]) == (
        "MULTIPLE_OR_MULTI_ERRORS",
        "Multiple errors in the request",
    )
    named = {error["details"]["api_name"]: error["code"] for error in result["details"]["errors"]}
    assert named == {
        "Last_Name": "MANDATORY_NOT_FOUND",
        "Email": "INVALID_DATA",
        "Company": "INVALID_DATA",
    }


def test_what_zoho_keeps_itself_is_passed_over() -> None:
    bridge = Desk()
    fixed = {"Created_Time": "2001-01-01T00:00:00+00:00", "Full_Name": "X", "id": "7"}
    (lead,) = bridge.add({"$approved": True, **fixed})
    record = bridge.lead(lead)
    assert record["Created_Time"] == "2026-03-01T09:00:00+00:00"
    assert record["Full_Name"] == "Doe"
    assert record["id"] == lead != "7"


def test_an_owner_is_named_by_id() -> None:
    bridge = Desk()
    bob = bridge.get("users").json["users"][1]
    for given in ({"id": bob["id"], "name": "whoever"}, bob["id"], int(bob["id"])):
        (lead,) = bridge.add({"Owner": given})
        wanted = {"name": "Bob Brown", "id": bob["id"], "email": "bob@example.com"}
        assert bridge.lead(lead)["Owner"] == wanted


def test_a_contact_points_to_its_account() -> None:
    bridge = Desk()
    (account,) = bridge.add({"Account_Name": "Zylker"}, module="Accounts")
    (contact,) = bridge.add({"Account_Name": {"id": account}}, module="Contacts")
    (record,) = bridge.get(f"Contacts/{contact}").json["data"]
    assert record["Account_Name"] == {"name": "Zylker", "id": account}
    answer = bridge.insert({"Last_Name": "Roe", "Account_Name": {"id": "1"}}, module="Contacts")
    assert answer.json["data"][0]["code"] == "INVALID_DATA"


@pytest.mark.parametrize("path", ["Leads", "Leads/upsert"])
def test_a_hundred_records_are_the_most(path: str) -> None:
    bridge, one = Desk(), {"Last_Name": "Doe"}
    assert bridge.call("POST", path, {"data": [one] * 100}).status in (200, 201)
    answer = bridge.call("POST", path, {"data": [one] * 101})
    assert answer.status == 400
    details = {"maximum_length": 100, "api_name": "data"}
    message = "count of records in your request exceeds the limit"
    assert answer.json == {"data": [problem("LIMIT_EXCEEDED", message, details)]}
    assert len(bridge.org.records["Leads"]) == 100


@pytest.mark.parametrize("body", [{"other": 1}, {"data": None}, {"data": []}])
def test_a_write_without_records(body: dict[str, Any]) -> None:
    answer = Desk().call("POST", "Leads", body)
    assert answer.status == 400
    details = {"api_name": "data", "json_path": "$.data"}
    wanted = problem("MANDATORY_NOT_FOUND", "required field not found", details)
    assert answer.json == {"data": [wanted]}


@pytest.mark.parametrize("data", [{"Last_Name": "Doe"}, ["Doe"], "Doe", 1])
def test_records_that_are_no_list_of_objects(data: object) -> None:
    answer = Desk().call("POST", "Leads", {"data": data})
    assert answer.status == 400
    details = {"expected_data_type": "jsonarray", "api_name": "data"}
    assert answer.json == {"data": [problem("INVALID_DATA", "invalid data", details)]}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "Leeds"), ("PUT", "Leeds"), ("POST", "Leeds/upsert")]
)
def test_a_write_to_an_unknown_module_is_refused_inside_data(method: str, path: str) -> None:
    answer = Desk().call(method, path, {"data": [{}]})
    assert answer.status == 400
    details = {"resource_path_index": 0}
    assert answer.json == {"data": [problem("INVALID_MODULE", NO_MODULE, details)]}
