"""Updating records, one or many."""

from __future__ import annotations

import pytest

from tests.support.sandbox.crm_caller import Desk, problem

NO_ID = "the id given seems to be invalid"


def test_an_updated_record_and_its_result() -> None:
    bridge = Desk()
    (lead,) = bridge.add({"First_Name": "Jane", "City": "Bonn"})
    bridge.pass_time(minutes=5)
    bridge.user = bridge.bob
    answer = bridge.call("PUT", f"Leads/{lead}", {"data": [{"Last_Name": "Roe", "City": None}]})
    assert answer.status == 200
    (result,) = answer.json["data"]
    assert (result["code"], result["message"]) == ("SUCCESS", "record updated")
    assert result["details"]["id"] == lead
    assert result["details"]["Modified_Time"] == "2026-03-01T09:05:00+00:00"
    assert result["details"]["Created_Time"] == "2026-03-01T09:00:00+00:00"
    assert result["details"]["Modified_By"]["name"] == "Bob Brown"
    assert result["details"]["Created_By"]["name"] == "Alice Adams"
    record = bridge.lead(lead)
    assert (record["Full_Name"], record["City"]) == ("Jane Roe", None)
    assert record["Owner"]["name"] == "Alice Adams"


def test_a_bulk_update_names_each_id() -> None:
    bridge = Desk()
    one, two = bridge.add({}, {})
    answer = bridge.update({"id": two, "City": "Rom"}, {"City": "Ulm"}, {"id": "1", "City": "Ulm"})
    assert answer.status == 207
    done, nameless, unknown = answer.json["data"]
    assert done["details"]["id"] == two
    at = {"api_name": "id", "json_path": "$.data[1].id"}
    assert nameless == problem("MANDATORY_NOT_FOUND", "required field not found", at)
    at = {"api_name": "id", "json_path": "$.data[2].id"}
    assert unknown == problem("INVALID_DATA", NO_ID, at)
    assert [bridge.lead(lead)["City"] for lead in (one, two)] == [None, "Rom"]


def test_an_update_of_an_unknown_record() -> None:
    answer = Desk().call("PUT", "Leads/1", {"data": [{"City": "Bonn"}]})
    assert answer.status == 400
    details = {"resource_path_index": 1}
    assert answer.json == {"data": [problem("INVALID_DATA", NO_ID, details)]}


def test_an_update_of_one_record_looks_at_the_first_only() -> None:
    bridge = Desk()
    one, two = bridge.add({}, {})
    body = {"data": [{"id": two, "City": "Bonn"}, {"City": "Rom"}]}
    assert len(bridge.call("PUT", f"Leads/{one}", body).json["data"]) == 1
    assert [bridge.lead(lead)["City"] for lead in (one, two)] == ["Bonn", None]


def test_an_update_may_leave_mandatory_fields_out_but_not_empty_them() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    assert bridge.update({"id": lead, "City": "Bonn"}).status == 200
    for empty in (None, ""):
        answer = bridge.update({"id": lead, "Last_Name": empty})
        assert answer.json["data"][0]["code"] == "MANDATORY_NOT_FOUND"
    assert bridge.lead(lead)["Last_Name"] == "Doe"


def test_a_bad_update_changes_nothing() -> None:
    bridge = Desk()
    (lead,) = bridge.add({"City": "Bonn"})
    before = bridge.lead(lead)
    bridge.pass_time(minutes=1)
    assert bridge.update({"id": lead, "City": "Rom", "Email": "nobody"}).status == 400
    assert bridge.lead(lead) == before


def test_an_owner_cannot_be_removed() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    assert bridge.update({"id": lead, "Owner": None}).status == 200
    assert bridge.lead(lead)["Owner"]["name"] == "Alice Adams"


@pytest.mark.parametrize("path", ["Leads", "Leads/{}", "Leads/upsert"])
def test_a_record_changed_since_is_not_overwritten(path: str) -> None:
    bridge = Desk()
    (lead,) = bridge.add({"City": "Bonn"})
    seen = bridge.now.isoformat()
    bridge.pass_time(seconds=1)
    bridge.user = bridge.bob
    bridge.update({"id": lead, "City": "Rom"})
    body = {"data": [{"id": lead, "Last_Name": "Doe", "City": "Ulm"}]}
    method = "POST" if path.endswith("upsert") else "PUT"
    answer = bridge.call(method, path.format(lead), body, {"If-Unmodified-Since": seen})
    assert answer.status == 412
    (result,) = answer.json["data"]
    message = "record updated time has already passed if-unmodified-since time"
    assert (result["code"], result["message"]) == ("ALREADY_MODIFIED", message)
    assert result["details"]["id"] == lead
    assert result["details"]["Modified_Time"] == "2026-03-01T09:00:01+00:00"
    assert result["details"]["Modified_By"]["name"] == "Bob Brown"
    assert set(result["details"]) == {
        "Modified_Time",
        "Modified_By",
        "Created_Time",
        "Created_By",
        "id",
    }
    assert bridge.lead(lead)["City"] == "Rom"


def test_a_record_unchanged_since_is_overwritten() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    answer = bridge.update({"id": lead, "City": "Ulm"}, If_Unmodified_Since=bridge.now.isoformat())
    assert answer.status == 200


def test_a_time_that_is_none_is_noticed_before_anything_is_written() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    body = {"data": [{"Last_Name": "New"}, {"id": lead, "City": "Ulm"}]}
    answer = bridge.call("POST", "Leads/upsert", body, {"If-Unmodified-Since": "yesterday"})
    assert (answer.status, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert bridge.get("Leads", fields="id").ids == [lead]


def test_some_changed_since_and_some_not() -> None:
    bridge = Desk()
    old, new = bridge.add({}, {})
    seen = bridge.now.isoformat()
    bridge.pass_time(seconds=1)
    bridge.update({"id": new, "City": "Rom"})
    changes = [{"id": lead, "City": "Ulm"} for lead in (old, new)]
    answer = bridge.update(*changes, If_Unmodified_Since=seen)
    assert answer.status == 207
    assert [result["code"] for result in answer.json["data"]] == ["SUCCESS", "ALREADY_MODIFIED"]
