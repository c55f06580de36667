"""Deleting records, and the list of those deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.sandbox.crm_caller import Desk, problem

WRONG_FORMAT = "either the request body or parameters is in wrong format"


def test_a_bulk_delete() -> None:
    bridge = Desk()
    one, two, three = bridge.add({}, {}, {})
    answer = bridge.call("DELETE", "Leads", ids=f"{one},{three}")
    assert answer.status == 200
    assert answer.json == {
        "data": [
            {
                "code": "SUCCESS",
                "details": {"id": lead},
                "message": "record deleted",
                "status": "success",
            }
            for lead in (one, three)
        ]
    }
    assert bridge.get("Leads", fields="id").ids == [two]


def test_some_deletes_go_through_and_some_do_not() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    answer = bridge.call("DELETE", "Leads", ids=f"1,{lead}")
    assert answer.status == 207
    failed, done = answer.json["data"]
    assert failed == problem("INVALID_DATA", "record not deleted", {"id": "1"})
    assert done["code"] == "SUCCESS"


def test_a_delete_of_unknown_records_only() -> None:
    answer = Desk().call("DELETE", "Leads", ids="1,abc")
    assert answer.status == 400
    assert answer.json == {
        "data": [
            problem("INVALID_DATA", "record not deleted", {"id": "1"}),
            problem("INVALID_DATA", WRONG_FORMAT, {"id": "abc"}),
        ]
    }


@pytest.mark.parametrize("params", [{}, {"ids": ""}])
def test_a_delete_without_ids(params: dict[str, str]) -> None:
    answer = Desk().call("DELETE", "Leads", **params)
    assert answer.status == 400
    message = "One of the expected parameter is missing"
    assert answer.json == problem("REQUIRED_PARAM_MISSING", message, {"param_name": "ids"})


def test_a_hundred_ids_are_the_most() -> None:
    bridge = Desk()
    ids = bridge.add_many(100)
    answer = bridge.call("DELETE", "Leads", ids=",".join([*ids, "1"]))
    assert answer.status == 400
    details = {"limit": 100, "param_name": "ids"}
    assert answer.json == problem("LIMIT_EXCEEDED", "limit exceeded", details)
    assert bridge.call("DELETE", "Leads", ids=",".join(ids)).status == 200


def test_one_record_is_deleted_once() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    answer = bridge.call("DELETE", f"Leads/{lead}")
    assert answer.status == 200
    assert answer.json["data"][0]["details"] == {"id": lead}
    assert bridge.get(f"Leads/{lead}").status == 204
    again = bridge.call("DELETE", f"Leads/{lead}")
    assert again.status == 400
    details = {"resource_path_index": 1}
    assert again.json == problem("INVALID_DATA", "record not deleted", details)


def test_a_delete_by_an_id_that_is_none() -> None:
    answer = Desk().call("DELETE", "Leads/abc")
    details = {"resource_path_index": 1}
    assert (answer.status, answer.json) == (400, problem("INVALID_DATA", WRONG_FORMAT, details))


def test_an_id_is_never_given_out_twice() -> None:
    bridge = Desk()
    (lead,) = bridge.add({})
    bridge.call("DELETE", f"Leads/{lead}")
    assert bridge.add({}) != [lead]


def _two_deleted(bridge: Desk) -> list[str]:
    """Delete two leads, a day apart."""
    leads = bridge.add({"Last_Name": "Doe"}, {"Last_Name": "Roe"}, {})
    bridge.user = bridge.bob
    bridge.call("DELETE", f"Leads/{leads[0]}")
    bridge.pass_time(days=1)
    bridge.call("DELETE", f"Leads/{leads[1]}")
    return leads[:2]


def test_the_deleted_records() -> None:
    bridge = Desk()
    doe, roe = _two_deleted(bridge)
    answer = bridge.get("Leads/deleted")
    assert answer.status == 200
    assert answer.ids == [roe, doe]
    first = answer.json["data"][0]
    assert first == {
        "id": roe,
        "display_name": "Roe",
        "type": "recycle",
        "deleted_by": {"name": "Bob Brown", "id": first["deleted_by"]["id"]},
        "created_by": {"name": "Alice Adams", "id": first["created_by"]["id"]},
        "deleted_time": "2026-03-02T09:00:00+00:00",
    }
    assert answer.json["info"] == {
        "per_page": 200,
        "count": 2,
        "page": 1,
        "more_records": False,
    }


def test_after_sixty_days_the_recycle_bin_forgets() -> None:
    bridge = Desk()
    doe, roe = _two_deleted(bridge)
    bridge.pass_time(days=59)
    assert bridge.get("Leads/deleted", type="recycle").ids == [roe]
    (forgotten,) = bridge.get("Leads/deleted", type="permanent").json["data"]
    assert forgotten == {
        "id": doe,
        "display_name": None,
        "type": "permanent",
        "deleted_by": None,
        "created_by": None,
        "deleted_time": "2026-03-01T09:00:00+00:00",
    }
    assert bridge.get("Leads/deleted", type="all").ids == [roe, doe]


def test_nothing_deleted_is_an_empty_204() -> None:
    bridge = Desk()
    for kind in ("all", "recycle", "permanent"):
        answer = bridge.get("Leads/deleted", type=kind)
        assert (answer.status, answer.raw) == (204, b"")


def test_an_unknown_type_of_deletion() -> None:
    answer = Desk().get("Leads/deleted", type="gone")
    assert answer.status == 400
    message = "Please check whether the input values are correct"
    wanted = problem("PATTERN_NOT_MATCHED", message, {"param_name": "type"})
    assert answer.json == {"data": [wanted]}


def test_the_deleted_records_of_an_unknown_module() -> None:
    answer = Desk().get("Leeds/deleted")
    assert answer.status == 400
    assert answer.json["data"][0]["code"] == "INVALID_MODULE"


def test_deleted_records_come_in_pages() -> None:
    bridge = Desk()
    doe, roe = _two_deleted(bridge)
    first, last = (bridge.get("Leads/deleted", per_page=1, page=page) for page in (1, 2))
    assert (first.ids, last.ids) == ([roe], [doe])
    assert first.json["info"]["more_records"]
    assert not last.json["info"]["more_records"]


def test_only_what_was_deleted_since() -> None:
    bridge = Desk()
    _, roe = _two_deleted(bridge)
    before = (bridge.now - timedelta(hours=1)).isoformat()
    assert bridge.get("Leads/deleted", {"If-Modified-Since": before}).ids == [roe]
    now = {"If-Modified-Since": bridge.now.isoformat()}
    assert bridge.get("Leads/deleted", now).status == 304
