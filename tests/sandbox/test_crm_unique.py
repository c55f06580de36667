"""Fields that allow no duplicates."""

from __future__ import annotations

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Desk, problem

UNIQUE = CrmSettings(unique_fields=frozenset({"Leads.Email", "Leads.Mobile"}))


def test_emails_may_repeat_unless_marked_unique() -> None:
    bridge = Desk()
    bridge.add({"Email": "jane@doe.example"}, {"Email": "jane@doe.example"})
    assert len(bridge.get("Leads", fields="id").ids) == 2


def test_a_duplicate_in_a_unique_field() -> None:
    bridge = Desk(UNIQUE)
    (first,) = bridge.add({"Email": "jane@doe.example"})
    answer = bridge.insert({"Last_Name": "Roe", "Email": "Jane@Doe.Example"})
    assert answer.status == 400
    alice = bridge.lead(first)["Owner"]
    (module,) = bridge.get("settings/modules/Leads").json["modules"]
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
    bridge = Desk(UNIQUE)
    bridge.add({"Email": "jane@doe.example", "Mobile": "1"})
    record = {"Last_Name": "Roe", "Email": "jane@doe.example", "Mobile": "1"}
    (result,) = bridge.insert(record).json["data"]
    assert result["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert [error["code"] for error in result["details"]["errors"]] == ["DUPLICATE_DATA"] * 2


def test_a_duplicate_within_one_request() -> None:
    twice = [{"Last_Name": "Doe", "Email": "jane@doe.example"}] * 2
    answer = Desk(UNIQUE).insert(*twice)
    assert answer.status == 207
    assert [result["code"] for result in answer.json["data"]] == ["SUCCESS", "DUPLICATE_DATA"]


def test_a_record_is_no_duplicate_of_itself() -> None:
    bridge = Desk(UNIQUE)
    (lead,) = bridge.add({"Email": "jane@doe.example"})
    assert bridge.update({"id": lead, "Email": "jane@doe.example"}).status == 200


def test_a_value_given_up_is_free_again() -> None:
    bridge = Desk(UNIQUE)
    one, two = bridge.add({"Email": "jane@doe.example"}, {})
    freed = {"id": one, "Email": None}
    assert bridge.update(freed, {"id": two, "Email": "jane@doe.example"}).status == 200
