"""Fields that allow no duplicates."""

from __future__ import annotations

from crm_desk import Desk, problem
from evergrant.sandbox.crm.context import CrmSettings

UNIQUE = CrmSettings(unique_fields=frozenset({"Leads.Email", "Leads.Mobile"}))


def test_emails_may_repeat_unless_marked_unique() -> None:
    desk = Desk()
    desk.add({"Email": "jane@doe.example"}, {"Email": "jane@doe.example"})
    assert len(desk.get("Leads", fields="id").ids) == 2


def test_a_duplicate_in_a_unique_field() -> None:
    desk = Desk(UNIQUE)
    (first,) = desk.add({"Email": "jane@doe.example"})
    answer = desk.insert({"Last_Name": "Roe", "Email": "Jane@Doe.Example"})
    assert answer.status == 400
    alice = desk.lead(first)["Owner"]
    (module,) = desk.get("settings/modules/Leads").json["modules"]
    details = {
        "api_name": "Email",
        "json_path": "$.data[0].Email",
        "id": first,
        "more_records": False,
        "duplicate_record": {
            "id": first,
            "Owner": {"name": "Alice Adams", "id": alice["id"]},
            "module": {"api_name": "Leads", "id": module["id"]},
        },
    }
    assert answer.json == {"data": [problem("DUPLICATE_DATA", "duplicate data", details)]}


def test_two_duplicates_in_one_record() -> None:
    desk = Desk(UNIQUE)
    desk.add({"Email": "jane@doe.example", "Mobile": "1"})
    record = {"Last_Name": "Roe", "Email": "jane@doe.example", "Mobile": "1"}
    (result,) = desk.insert(record).json["data"]
    assert result["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert [error["code"] for error in result["details"]["errors"]] == ["DUPLICATE_DATA"] * 2


def test_a_duplicate_within_one_request() -> None:
    twice = [{"Last_Name": "Doe", "Email": "jane@doe.example"}] * 2
    answer = Desk(UNIQUE).insert(*twice)
    assert answer.status == 207
    assert [result["code"] for result in answer.json["data"]] == ["SUCCESS", "DUPLICATE_DATA"]


def test_a_record_is_no_duplicate_of_itself() -> None:
    desk = Desk(UNIQUE)
    (lead,) = desk.add({"Email": "jane@doe.example"})
    assert desk.update({"id": lead, "Email": "jane@doe.example"}).status == 200


def test_a_value_given_up_is_free_again() -> None:
    desk = Desk(UNIQUE)
    one, two = desk.add({"Email": "jane@doe.example"}, {})
    freed = {"id": one, "Email": None}
    assert desk.update(freed, {"id": two, "Email": "jane@doe.example"}).status == 200
