"""Upserts: which record they find, and what they answer."""

from __future__ import annotations

from typing import Any

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Answer, Desk, problem

UNIQUE = CrmSettings(unique_fields=frozenset({"Leads.Mobile", "Leads.Phone"}))


def _upsert(bridge: Desk, record: dict[str, Any], *fields: str, module: str = "Leads") -> Answer:
    given = {"Last_Name": "Doe"} if module != "Accounts" else {}
    body: dict[str, Any] = {"data": [{**given, **record}]}
    body |= {"duplicate_check_fields": list(fields)} if fields else {}
    return bridge.call("POST", f"{module}/upsert", body)


def _what(answer: Answer) -> tuple[object, ...]:
    (result,) = answer.json["data"]
    return result["action"], result["duplicate_field"], result["message"], result["details"]["id"]


def test_an_upsert_that_finds_nothing_inserts() -> None:
    bridge = Desk()
    answer = _upsert(bridge, {"Email": "jane@doe.example"})
    assert answer.status == 200
    assert _what(answer)[:3] == ("insert", None, "record added")
    assert bridge.get("Leads", fields="Email").column("Email") == ["jane@doe.example"]


def test_an_upsert_finds_by_email_and_updates() -> None:
    bridge = Desk()
    (lead,) = bridge.add({"Email": "jane@doe.example"})
    bridge.pass_time(minutes=1)
    answer = _upsert(bridge, {"Email": "JANE@doe.example", "City": "Bonn"}, "Email")
    assert answer.status == 200
    assert _what(answer) == ("update", "Email", "record updated", lead)
    assert answer.json["data"][0]["details"]["Modified_Time"] == "2026-03-01T09:01:00+00:00"
    assert bridge.get("Leads", fields="City").column("City") == ["Bonn"]


@pytest.mark.parametrize(
    ("module", "field", "value"),
    [
        ("Leads", "Email", "jane@doe.example"),
        ("Contacts", "Email", "jane@doe.example"),
        ("Accounts", "Account_Name", "Zylker"),
    ],
)
def test_each_module_has_a_check_of_its_own(module: str, field: str, value: str) -> None:
    bridge = Desk()
    (found,) = bridge.add({field: value}, module=module)
    assert _what(_upsert(bridge, {field: value}, module=module)) == (
        "update",
        field,
        "record updated",
        found,
    )


def test_unique_fields_are_checked_after_those_named() -> None:
    bridge = Desk(UNIQUE)
    by_mail, by_mobile, by_phone = bridge.add(
        {"Email": "jane@doe.example"}, {"Mobile": "1"}, {"Phone": "2"}
    )
    everything = {"Email": "jane@doe.example", "Mobile": "1", "Phone": "2"}
    for named, field, lead in [
        ((), "Email", by_mail),
        (("Email",), "Email", by_mail),
        (("Mobile",), "Mobile", by_mobile),
        (("Phone", "Mobile"), "Phone", by_phone),
    ]:
        (result,) = _upsert(bridge, {field: everything[field]}, *named).json["data"]
        assert (result["duplicate_field"], result["details"]["id"]) == (field, lead)
    assert _what(_upsert(bridge, {"Phone": "2"}, "Mobile"))[1] == "Phone"


def test_email_is_not_checked_when_others_are_named() -> None:
    bridge = Desk(UNIQUE)
    bridge.add({"Email": "jane@doe.example"})
    assert _what(_upsert(bridge, {"Email": "jane@doe.example"}, "Mobile"))[0] == "insert"


def test_an_upsert_that_runs_into_another_record() -> None:
    bridge = Desk(UNIQUE)
    _, other = bridge.add({"Email": "jane@doe.example"}, {"Mobile": "1"})
    answer = _upsert(bridge, {"Email": "jane@doe.example", "Mobile": "1"}, "Email")
    assert answer.status == 400
    (result,) = answer.json["data"]
    assert (result["code"], result["details"]["id"]) == ("DUPLICATE_DATA", other)
    assert "action" not in result


@pytest.mark.parametrize("name", ["City", "Mobile", "Nonsense"])
def test_only_unique_fields_can_be_checked(name: str) -> None:
    answer = _upsert(Desk(), {}, "Email", name)
    assert answer.status == 400
    details = {
        "api_name": "duplicate_check_fields",
        "json_path": "$.duplicate_check_fields[1]",
        "supported_values": ["Email"],
    }
    assert answer.json == {"data": [problem("INVALID_DATA", "invalid data", details)]}


def test_fields_to_check_are_a_list() -> None:
    body = {"data": [{"Last_Name": "Doe"}], "duplicate_check_fields": "Email"}
    answer = Desk().call("POST", "Leads/upsert", body)
    assert answer.status == 400
    assert answer.json["data"][0]["details"]["expected_data_type"] == "jsonarray"


def test_an_empty_value_finds_nobody() -> None:
    bridge = Desk()
    bridge.add({"Email": None}, {})
    assert _what(_upsert(bridge, {"Email": None}))[0] == "insert"
    assert _what(_upsert(bridge, {}))[0] == "insert"


def test_an_id_goes_before_every_check() -> None:
    bridge = Desk()
    _, two = bridge.add({"Email": "jane@doe.example"}, {})
    answer = _upsert(bridge, {"id": two, "Email": "jane@doe.example"})
    assert _what(answer) == ("update", None, "record updated", two)
    (result,) = _upsert(bridge, {"id": "1"}).json["data"]
    assert (result["code"], result["details"]["api_name"]) == ("INVALID_DATA", "id")


def test_a_record_inserted_earlier_in_the_request_is_found() -> None:
    bridge = Desk()
    body = {"data": [{"Last_Name": "Doe", "Email": "jane@doe.example"}] * 2}
    answer = bridge.call("POST", "Leads/upsert", body)
    assert [result["action"] for result in answer.json["data"]] == ["insert", "update"]


def test_some_upserts_go_through_and_some_do_not() -> None:
    bridge = Desk()
    body = {"data": [{"Last_Name": "Doe"}, {"Last_Name": "Roe", "Company": 7}]}
    answer = bridge.call("POST", "Leads/upsert", body)
    assert answer.status == 207
    assert answer.json["data"][1]["details"]["json_path"] == "$.data[1].Company"
