"""Reading records: lists, their pages and page tokens, and one record."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.support.sandbox.crm_caller import Answer, Desk, problem


def _list(bridge: Desk, **params: object) -> Answer:
    return bridge.get("Leads", **{"fields": "Last_Name", **params})


def test_a_list_and_its_info() -> None:
    bridge = Desk()
    ids = bridge.add_many(3)
    answer = _list(bridge)
    assert answer.status == 200
    assert answer.json == {
        "data": [{"Last_Name": f"L{n}", "id": ids[n]} for n in (2, 1, 0)],
        "info": {
            "per_page": 200,
            "count": 3,
            "page": 1,
            "sort_by": "id",
            "sort_order": "desc",
            "more_records": False,
            "next_page_token": None,
            "previous_page_token": None,
            "page_token_expiry": None,
            "call": False,
            "email": False,
        },
    }


def test_ids_are_texts_of_19_digits() -> None:
    assert all(re.fullmatch(r"\d{19}", record_id) for record_id in Desk().add_many(3))


def test_an_empty_module_is_an_empty_204() -> None:
    answer = _list(Desk())
    assert (answer.status, answer.raw) == (204, b"")


def test_fields_are_required() -> None:
    answer = Desk().get("Leads")
    assert answer.status == 400
    details = {"param_name": "fields"}
    assert answer.json == problem("REQUIRED_PARAM_MISSING", "required param is missing", details)


def test_fifty_one_fields_are_too_many() -> None:
    bridge = Desk()
    bridge.add({})
    assert _list(bridge, fields=",".join(["City"] * 50)).status == 200
    answer = _list(bridge, fields=",".join(["City"] * 51))
    assert answer.status == 400
    details = {"limit": 50, "param_name": "fields"}
    assert answer.json == problem("LIMIT_EXCEEDED", "limit exceeded", details)


def test_fields_that_do_not_exist_are_left_out_and_told_or_refused() -> None:
    bridge = Desk(strict=False)
    (lead,) = bridge.add({"City": "Bonn"})
    answer = _list(bridge, fields="City, Nonsense")
    assert answer.json["data"] == [{"City": "Bonn", "id": lead}]
    assert answer.missing == "field Leads.Nonsense (declare it: add_field)"
    bridge.strict = True
    refused = _list(bridge, fields="City, Nonsense")
    assert (refused.status, refused.json["code"]) == (501, "NOT_IN_SANDBOX")
    assert refused.missing == answer.missing


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_module(method: str) -> None:
    for module in ("Leeds", "leads", "Home"):
        answer = Desk().call(method, module, fields="id", ids="1")
        assert answer.status == 400
        message = "the module name given seems to be invalid"
        assert answer.json == problem("INVALID_MODULE", message, {"resource_path_index": 0})


def _three_days(bridge: Desk) -> list[str]:
    """Add L0, L1, L2 a day apart, and change L0 last."""
    ids = []
    for number in range(3):
        ids += bridge.add({"Last_Name": f"L{number}"})
        bridge.pass_time(days=1)
    bridge.call("PUT", f"Leads/{ids[0]}", {"data": [{"City": "Bonn"}]})
    return ids


@pytest.mark.parametrize(
    ("key", "order", "names"),
    [
        ("id", "asc", ["L0", "L1", "L2"]),
        ("id", "desc", ["L2", "L1", "L0"]),
        ("Created_Time", "asc", ["L0", "L1", "L2"]),
        ("Modified_Time", "asc", ["L1", "L2", "L0"]),
        ("Modified_Time", "desc", ["L0", "L2", "L1"]),
    ],
)
def test_sorting(key: str, order: str, names: list[str]) -> None:
    bridge = Desk()
    _three_days(bridge)
    answer = _list(bridge, sort_by=key, sort_order=order)
    assert answer.column("Last_Name") == names
    info = answer.json["info"]
    assert (info["sort_by"], info["sort_order"]) == (key, order)


@pytest.mark.parametrize(
    ("name", "value", "supported"),
    [
        ("sort_by", "Last_Name", ["id", "Created_Time", "Modified_Time"]),
        ("sort_order", "up", ["desc", "asc"]),
        ("converted", "maybe", ["false", "true", "both"]),
    ],
)
def test_a_value_that_is_not_supported(name: str, value: str, supported: list[str]) -> None:
    answer = _list(Desk(), **{name: value})
    assert answer.status == 400
    details = {"param_name": name, "supported_values": supported}
    assert answer.json == problem("INVALID_DATA", "invalid data", details)


def test_a_custom_view_that_does_not_exist() -> None:
    answer = _list(Desk(), cvid="1234567890123456789")
    details = {"param_name": "cvid"}
    assert (answer.status, answer.json) == (400, problem("INVALID_DATA", "invalid data", details))


def test_a_custom_view_cannot_be_sorted() -> None:
    answer = _list(Desk(), cvid="1", sort_by="id")
    assert (answer.status, answer.json["code"]) == (400, "AMBIGUITY_DURING_PROCESSING")


def test_only_the_ids_asked_for() -> None:
    bridge = Desk()
    ids = bridge.add_many(4)
    assert _list(bridge, ids=f"{ids[1]},{ids[3]},1").ids == [ids[3], ids[1]]


@pytest.mark.parametrize(("converted", "status"), [("false", 200), ("both", 200), ("true", 204)])
def test_no_lead_is_converted(converted: str, status: int) -> None:
    bridge = Desk()
    bridge.add({})
    assert _list(bridge, converted=converted).status == status


def test_only_what_changed_since() -> None:
    bridge = Desk()
    _three_days(bridge)
    since = (bridge.now - timedelta(days=2)).isoformat()
    answer = bridge.get("Leads", {"If-Modified-Since": since}, fields="Last_Name")
    assert answer.column("Last_Name") == ["L2", "L0"]


def test_nothing_changed_since() -> None:
    bridge = Desk()
    ids = _three_days(bridge)
    now = {"If-Modified-Since": bridge.now.isoformat()}
    for answer in (bridge.get("Leads", now, fields="id"), bridge.get(f"Leads/{ids[0]}", now)):
        assert (answer.status, answer.raw) == (304, b"")


def test_one_record_whole() -> None:
    bridge = Desk()
    (lead,) = bridge.add({"First_Name": "Jane", "Email": "jane@doe.example"})
    answer = bridge.get(f"Leads/{lead}")
    assert answer.status == 200
    assert set(answer.json) == {"data"}
    (record,) = answer.json["data"]
    alice = {"name": "Alice Adams", "id": record["Owner"]["id"], "email": "alice@example.com"}
    wanted = {
        "id": lead,
        "First_Name": "Jane",
        "Last_Name": "Doe",
        "Full_Name": "Jane Doe",
        "Email": "jane@doe.example",
        "Owner": alice,
        "Created_By": alice,
        "Modified_By": alice,
        "Created_Time": "2026-03-01T09:00:00+00:00",
        "Modified_Time": "2026-03-01T09:00:00+00:00",
        "Company": None,
        "Email_Opt_Out": False,
        "$approval_state": "approved",
        "$editable": True,
    }
    assert wanted.items() <= record.items()


def test_one_record_with_some_fields() -> None:
    bridge = Desk()
    (lead,) = bridge.add({"City": "Bonn"})
    answer = bridge.get(f"Leads/{lead}", fields="City,Owner")
    assert set(answer.json["data"][0]) == {"id", "City", "Owner"}


def test_an_unknown_id_is_an_empty_204() -> None:
    answer = Desk().get("Leads/1234567890123456789")
    assert (answer.status, answer.raw) == (204, b"")


def test_an_id_that_is_none() -> None:
    answer = Desk().get("Leads/abc")
    assert answer.status == 400
    details = {"resource_path_index": 1}
    message = "the id given seems to be invalid"
    assert answer.json == problem("INVALID_DATA", message, details)


def test_records_planted_by_hand_are_listed() -> None:
    bridge = Desk()
    rows = {str(n): {"id": str(n), "Last_Name": f"P{n}"} for n in (9, 10)}
    bridge.org.records["Leads"] = rows
    for key in ("id", "Modified_Time"):
        assert _list(bridge, sort_by=key).column("Last_Name") == ["P10", "P9"]
    body = {"data": [{"City": "Bonn"}]}
    assert bridge.call("PUT", "Leads/9", body).status == 200
    assert bridge.call("DELETE", "Leads/10").status == 200
