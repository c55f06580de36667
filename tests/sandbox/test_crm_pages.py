"""Pages of records, by number and by page token."""

from __future__ import annotations

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Answer, Desk, problem

MISMATCH = problem(
    "TOKEN_BOUND_DATA_MISMATCH",
    "The page_token given seems to be invalid or input param is added or altered or deleted",
    {"param_name": "page_token"},
)


def _list(bridge: Desk, **params: object) -> Answer:
    return bridge.get("Leads", **{"fields": "Last_Name", **params})


def test_pages_by_number() -> None:
    bridge = Desk()
    bridge.add_many(5)
    pages = [_list(bridge, per_page=2, page=page) for page in (1, 2, 3)]
    assert [page.column("Last_Name") for page in pages] == [["L4", "L3"], ["L2", "L1"], ["L0"]]
    infos = [page.json["info"] for page in pages]
    assert [info["page"] for info in infos] == [1, 2, 3]
    assert [info["count"] for info in infos] == [2, 2, 1]
    assert [info["more_records"] for info in infos] == [True, True, False]
    assert _list(bridge, per_page=2, page=4).status == 204
    assert not _list(bridge, per_page=5).json["info"]["more_records"]


@pytest.mark.parametrize("name", ["page", "per_page"])
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "", "²"])
def test_a_page_that_is_no_number(name: str, value: str) -> None:
    answer = _list(Desk(), **{name: value})
    assert answer.status == 400
    message = "Please check whether the input values are correct"
    assert answer.json == problem("PATTERN_NOT_MATCHED", message, {"param_name": name})


def test_a_page_of_201_is_too_large() -> None:
    assert _list(Desk(), per_page=200).status == 204
    answer = _list(Desk(), per_page=201)
    details = {"param_name": "per_page"}
    assert (answer.status, answer.json) == (400, problem("INVALID_DATA", "invalid data", details))


def test_numbered_pages_end_at_2000_records() -> None:
    assert _list(Desk(), page=10).status == 204
    answer = _list(Desk(), page=11)
    assert answer.status == 400
    message = "You can only get the first 2000 records without using page_token param"
    assert answer.json == problem("DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, {"limit": 2000})


def test_page_tokens_lead_beyond_the_numbered_pages() -> None:
    bridge = Desk(CrmSettings(untokened_rows=4))
    bridge.add_many(7)
    seen, token = [], None
    for _ in range(4):
        answer = _list(bridge, per_page=2, **({"page_token": token} if token else {}))
        seen += answer.column("Last_Name")
        token = answer.json["info"]["next_page_token"]
    assert token is None
    assert seen == [f"L{n}" for n in range(6, -1, -1)]


def test_a_page_token_leads_back_too() -> None:
    bridge = Desk()
    bridge.add_many(3)
    first = _list(bridge, per_page=1)
    second = _list(bridge, per_page=1, page_token=first.json["info"]["next_page_token"])
    assert second.json["info"]["page"] == 2
    back = _list(bridge, per_page=1, page_token=second.json["info"]["previous_page_token"])
    assert back.json["data"] == first.json["data"]
    assert back.json["info"]["previous_page_token"] is None


def _token(bridge: Desk) -> str:
    bridge.add_many(3)
    return str(_list(bridge, per_page=1).json["info"]["next_page_token"])


def test_a_page_token_says_when_it_expires() -> None:
    bridge = Desk()
    bridge.add_many(3)
    assert (
        _list(bridge, per_page=1).json["info"]["page_token_expiry"] == "2026-03-02T09:00:00+00:00"
    )


def test_a_page_token_expires_after_a_day() -> None:
    bridge = Desk()
    token = _token(bridge)
    bridge.pass_time(hours=23, minutes=59)
    assert _list(bridge, per_page=1, page_token=token).status == 200
    bridge.pass_time(minutes=1)
    answer = _list(bridge, per_page=1, page_token=token)
    assert answer.status == 400
    details = {"api_name": "page_token", "json_path": "$.query.page_token"}
    assert answer.json == problem("EXPIRED_VALUE", "Page token expired", details)


def test_a_page_token_is_its_users_own() -> None:
    bridge = Desk()
    token = _token(bridge)
    bridge.user = bridge.bob
    answer = _list(bridge, per_page=1, page_token=token)
    assert (answer.status, answer.json) == (400, MISMATCH)


@pytest.mark.parametrize(
    "change", [{"fields": "City"}, {"per_page": 2}, {"sort_by": "Created_Time"}]
)
def test_a_page_token_is_bound_to_the_other_parameters(change: dict[str, object]) -> None:
    bridge = Desk()
    answer = _list(bridge, **{"per_page": 1, "page_token": _token(bridge), **change})
    assert (answer.status, answer.json) == (400, MISMATCH)


@pytest.mark.parametrize("garbage", ["x", "", "AAAA", "é", "A" * 32, "A" * 33])
def test_a_page_token_that_is_none(garbage: str) -> None:
    answer = _list(Desk(), page_token=garbage)
    assert (answer.status, answer.json) == (400, MISMATCH)


def test_a_page_and_a_token_exclude_each_other() -> None:
    bridge = Desk()
    answer = _list(bridge, per_page=1, page=2, page_token=_token(bridge))
    assert (answer.status, answer.json["code"]) == (400, "AMBIGUITY_DURING_PROCESSING")
    named = [{"param_name": "page"}, {"param_name": "page_token"}]
    assert answer.json["details"] == {"ambiguity_due_to": named}


def test_page_tokens_end_at_100000_records() -> None:
    assert CrmSettings().tokened_rows == 100_000
    bridge = Desk(CrmSettings(untokened_rows=2, tokened_rows=4))
    bridge.add_many(6)
    token = _list(bridge, per_page=2).json["info"]["next_page_token"]
    token = _list(bridge, per_page=2, page_token=token).json["info"]["next_page_token"]
    answer = _list(bridge, per_page=2, page_token=token)
    assert answer.status == 400
    message = "You can only get upto 4 records using page_token param"
    details = {"param_name": "page_token"}
    assert answer.json == problem("PAGINATION_LIMIT_EXCEEDED", message, details)
