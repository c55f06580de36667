"""Searches that Zoho refuses, and how."""

from __future__ import annotations

import pytest

from tests.support.sandbox.crm_caller import Desk, problem


@pytest.mark.parametrize("params", [{}, {"criteria": ""}, {"word": "", "email": ""}])
def test_a_search_without_a_criterion(params: dict[str, str]) -> None:
    answer = Desk().get("Leads/search", **params)
    assert answer.status == 400
    details = {"param_names": ["criteria", "email", "phone", "word"]}
    message = "one of the expected parameter is missing"
    assert answer.json == problem("EXPECTED_PARAM_MISSING", message, details)


def test_a_phone_without_digits_is_not_everybody() -> None:
    answer = Desk().get("Leads/search", phone="++")
    assert (answer.status, answer.json["code"]) == (400, "INVALID_DATA")


@pytest.mark.parametrize("way", ["email", "phone", "word"])
def test_one_character_is_too_short(way: str) -> None:
    answer = Desk().get("Leads/search", **{way: "1"})
    details = {"param_name": way}
    assert (answer.status, answer.json) == (400, problem("INVALID_DATA", "invalid data", details))


@pytest.mark.parametrize(
    ("criteria", "details"),
    [
        (
            "(Company:like:Zyl)",
            {"reason": "invalid operator found", "operator": "like"},
        ),
        (
            "(Company:greater_than:Zyl)",
            {"reason": "invalid operator found", "operator": "greater_than"},
        ),
        (
            "(Description:in:a,b)",
            {"reason": "invalid operator found", "operator": "in"},
        ),
        (
            "(Lead_Status:starts_with:C)",
            {"reason": "invalid operator found", "operator": "starts_with"},
        ),
        (
            "(No_of_Employees:starts_with:5)",
            {"reason": "invalid operator found", "operator": "starts_with"},
        ),
        (
            "(Nonsense:equals:1)",
            {"reason": "the field is not available for search", "api_name": "Nonsense"},
        ),
        (
            "(No_of_Employees:equals:many)",
            {"reason": "invalid data type found", "expected_data_type": "integer"},
        ),
        (
            "(Email_Opt_Out:equals:maybe)",
            {"reason": "invalid data type found", "expected_data_type": "boolean"},
        ),
        (
            "(Created_Time:less_than:2026-03-01)",
            {"reason": "invalid data type found", "expected_data_type": "datetime"},
        ),
        (
            "(No_of_Employees:between:5)",
            {"reason": "between needs two values", "operator": "between"},
        ),
        ("(Company:equals:Zylker", {"reason": "unbalanced brackets"}),
        (r"(Company:equals:Zylker\)", {"reason": "unbalanced brackets"}),
        ("(Company:equals:Zylker))", {"reason": "unbalanced brackets"}),
        ("((Company:equals:Zylker)and)", {"reason": "a bracket is missing"}),
        ("(Company)", {"reason": "criteria are field:operator:value"}),
        ("()", {"reason": "criteria are field:operator:value"}),
        ("(" * 5000, {"reason": "too many brackets"}),
    ],
)
def test_criteria_that_make_no_sense(criteria: str, details: dict[str, str]) -> None:
    answer = Desk().search(criteria)
    assert answer.status == 400
    assert answer.json == problem("INVALID_QUERY", "Invalid query formed", details)


def test_a_search_in_an_unknown_module() -> None:
    answer = Desk().get("Leeds/search", word="x1")
    assert (answer.status, answer.json["code"]) == (400, "INVALID_MODULE")
