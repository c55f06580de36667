"""A test declares modules and fields; everything in the sandbox then knows them."""

from __future__ import annotations

from typing import Any

import pytest

from evergrant.sandbox import Sandbox
from evergrant.sandbox.crm.schema import DATA_TYPES, Schema
from tests.support.sandbox.crm_caller import Desk

STUDENTS = {
    "Grade": "integer",
    "House": {"data_type": "picklist", "picks": ["Red", "Blue"], "mandatory": True},
    "Number": {"data_type": "text", "unique": True, "length": 5},
    "Born": "date",
}


def students() -> Desk:
    bridge = Desk()
    bridge.schema.add_module("Students", STUDENTS, singular="Student")
    return bridge


def anna(**more: Any) -> dict[str, Any]:
    return {"Name": "Anna", "House": "Red", "Grade": 5, "Number": "1", **more}


def test_records_of_a_declared_module_are_written_read_found_and_deleted() -> None:
    bridge = students()
    (record,) = bridge.add(anna(Born="2015-01-02"), module="Students")
    (read,) = bridge.get(f"Students/{record}").json["data"]
    assert (read["Name"], read["Grade"], read["Born"]) == ("Anna", 5, "2015-01-02")
    assert read["Owner"]["name"] == "Alice Adams"
    query = "select Name, House from Students where Grade > 4 and House = 'Red'"
    assert bridge.coql(query).column("Name") == ["Anna"]
    found = bridge.get("Students/search", criteria="(Grade:equals:5)", fields="Name")
    assert found.column("Name") == ["Anna"]
    assert bridge.get("Students/search", word="ann").ids == [record]
    assert bridge.call("DELETE", f"Students/{record}").status == 200


@pytest.mark.parametrize(
    ("wrong", "code", "name"),
    [
        ({"Grade": "five"}, "INVALID_DATA", "Grade"),
        ({"Number": "123456"}, "INVALID_DATA", "Number"),
        ({"Born": "tomorrow"}, "INVALID_DATA", "Born"),
        ({"House": None}, "MANDATORY_NOT_FOUND", "House"),
        ({"Number": "1"}, "DUPLICATE_DATA", "Number"),
    ],
)
def test_declared_types_lengths_and_duties_hold(wrong: Any, code: str, name: str) -> None:
    bridge = students()
    bridge.add(anna(), module="Students")
    answer = bridge.insert(anna(**{"Number": "2", **wrong}), module="Students")
    (result,) = answer.json["data"]
    assert (answer.status, result["code"], result["details"]["api_name"]) == (400, code, name)


def test_an_upsert_goes_by_a_declared_unique_field() -> None:
    bridge = students()
    (record,) = bridge.add(anna(), module="Students")
    body = {"data": [anna(Grade=6)], "duplicate_check_fields": ["Number"]}
    (result,) = bridge.call("POST", "Students/upsert", body).json["data"]
    assert (result["action"], result["details"]["id"]) == ("update", record)


def test_metadata_tells_declared_modules_and_fields() -> None:
    bridge = students()
    listed = bridge.get("settings/modules").json["modules"]
    module = next(entry for entry in listed if entry["api_name"] == "Students")
    assert (module["generated_type"], module["singular_label"]) == ("custom", "Student")
    for name in ("Students", module["id"]):
        assert bridge.get(f"settings/modules/{name}").json["modules"][0]["id"] == module["id"]
    fields = {
        f["api_name"]: f for f in bridge.get("settings/fields", module="Students").json["fields"]
    }
    assert [p["actual_value"] for p in fields["House"]["pick_list_values"]] == ["Red", "Blue"]
    assert (fields["House"]["system_mandatory"], fields["Grade"]["custom_field"]) == (True, True)
    assert fields["Number"]["unique"]
    assert len({field["id"] for field in fields.values()}) == len(fields)


def test_a_field_of_a_module_that_is_there() -> None:
    bridge = Desk()
    bridge.schema.add_field("Leads", "Shoe_Size", "double")
    (lead,) = bridge.add({"Shoe_Size": 44.5})
    assert bridge.lead(lead)["Shoe_Size"] == 44.5
    assert bridge.coql("select Shoe_Size from Leads where Shoe_Size > 44").ids == [lead]
    assert (
        bridge.get("settings/fields", module="Leads").json["fields"][-1]["api_name"] == "Shoe_Size"
    )


def test_a_record_that_was_there_has_a_new_field_empty() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    bridge.schema.add_field("Leads", "Shoe_Size", "double")
    assert bridge.lead(lead)["Shoe_Size"] is None


def test_a_lookup_points_to_a_declared_module() -> None:
    bridge = students()
    bridge.schema.add_field("Contacts", "Student", "lookup", lookup="Students")
    (student,) = bridge.add(anna(), module="Students")
    (contact,) = bridge.add({"Student": {"id": student}}, module="Contacts")
    (read,) = bridge.get(f"Contacts/{contact}").json["data"]
    assert read["Student"] == {"name": "Anna", "id": student}


VALUES = {
    "bigint": "12345678901234567",
    "boolean": True,
    "currency": 1.5,
    "date": "2026-01-02",
    "datetime": "2026-01-02T03:04:05+00:00",
    "double": 1.5,
    "email": "a@b.example",
    "integer": 7,
    "percent": 12.5,
}


@pytest.mark.parametrize("data_type", [kind for kind in DATA_TYPES if "lookup" not in kind])
def test_each_type_takes_its_values_and_no_others(data_type: str) -> None:
    bridge = Desk()
    bridge.schema.add_field("Leads", "Extra", data_type)
    good = VALUES.get(data_type, "some text")
    (lead,) = bridge.add({"Extra": good})
    assert bridge.lead(lead)["Extra"] == good
    wrong = bridge.insert({"Last_Name": "Doe", "Extra": {"a": 1}})
    assert wrong.json["data"][0]["details"]["api_name"] == "Extra"


@pytest.mark.parametrize(
    ("module", "fields", "said"),
    [
        ("Students", {"Grade": "number"}, "data type 'number' is not in the sandbox; it has text"),
        ("Students", {"Class": "lookup"}, "Class: a lookup, and nothing else, names the module"),
        (
            "Students",
            {"Class": {"data_type": "lookup", "lookup": "Classes"}},
            "Class: there is no module 'Classes' to point to",
        ),
        ("Students", {"a b": "text"}, "'a b' is no API name"),
        ("Our Students", {}, "'Our Students' is no API name"),
        ("Students", {"Grade": {"type": "text"}}, "Students.Grade: a field is declared with"),
        ("Home", {"Grade": "text"}, "there is no module 'Home'; declare it with add_module"),
    ],
)
def test_what_cannot_be_declared_is_refused_at_once(module: str, fields: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Schema().add_module(module, fields)


def test_a_sandbox_is_made_with_modules_and_given_more() -> None:
    zoho = Sandbox(modules={"Students": STUDENTS, "Leads": ["Shoe_Size"]})
    zoho.add_module("Classes", {"Room": "integer"})
    field = zoho.add_field("Students", "Class", "lookup", lookup="Classes")
    assert (field.api_name, field.lookup) == ("Class", "Classes")
    with pytest.raises(ValueError, match="no module 'Pupils'"):
        zoho.add_field("Pupils", "Grade")
    # Another sandbox has none of it.
    with pytest.raises(ValueError, match="no module 'Students'"):
        Sandbox().add_field("Students", "Grade")
