"""COQL that Zoho refuses, and how."""

from __future__ import annotations

from typing import Any

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Desk, problem

PARSING = "error occured while parsing the query"
UNEXPECTED = "unexpected token"
UNSUPPORTED = "given coql query not supported"
FORMED = "Invalid query formed"
ALL = "select id from Leads where id is not null"


@pytest.mark.parametrize("joint", ["and", "or"])
def test_three_conditions_without_brackets(joint: str) -> None:
    answer = Desk().coql(f"{ALL} {joint} City = 'X' and City = 'Y'")
    assert answer.status == 400
    assert answer.json == problem("SYNTAX_ERROR", PARSING, {"near": "and"})


@pytest.mark.parametrize("clause", ["limit 2001", "limit 0, 2001", "limit 1 offset 100000"])
def test_limits_that_are_too_large(clause: str) -> None:
    answer = Desk().coql(f"{ALL} {clause}")
    most = 100_000 if "offset" in clause else 2_000
    assert answer.status == 400
    assert answer.json == problem("LIMIT_EXCEEDED", "limit exceeded", {"limit": most})


@pytest.mark.parametrize(
    ("clause", "message", "details"),
    [
        ("limit s", "limit given seems to be invalid", {"limit": "s"}),
        ("limit -1", "limit given seems to be invalid", {"limit": "-1"}),
        ("limit '2'", "limit given seems to be invalid", {"limit": "2"}),
        ("limit 1, x", "limit given seems to be invalid", {"limit": "x"}),
        ("limit 1 offset x", "offset given seems to be invalid", {"offset": "x"}),
    ],
)
def test_a_limit_that_is_no_number(clause: str, message: str, details: dict[str, str]) -> None:
    answer = Desk().coql(f"{ALL} {clause}")
    assert (answer.status, answer.json) == (400, problem("INVALID_QUERY", message, details))


def test_a_limit_of_nothing() -> None:
    answer = Desk().coql("select id from Leads where id is not null limit 0")
    message = "limit should be greater than 0"
    assert (answer.status, answer.json) == (400, problem("INVALID_DATA", message, {}))


@pytest.mark.parametrize(
    ("query", "message", "details"),
    [
        ("select id from Leads", "missing clause", {"clause": "where"}),
        ("select id from Leads limit 2", "missing clause", {"clause": "where"}),
        ("select id", "missing clause", {"clause": "from"}),
        ("select id where id is not null", "missing clause", {"clause": "from"}),
        ("update Leads set City = 'X' where id = 1", UNSUPPORTED, {}),
        ("", UNSUPPORTED, {}),
        ("select COUNT(id) from Leads where id is not null", UNSUPPORTED, {}),
        ("select City from Leads where id is not null group by City", UNSUPPORTED, {}),
        ("select id City from Leads where id = 1", UNEXPECTED, (1, 11, "City")),
        ("select id 'City' from Leads where id = 1", UNEXPECTED, (1, 11, "City")),
        ("select * from Leads where id = 1", UNEXPECTED, (1, 8, "*")),
        ("select id,\nfrom Leads\nwhere id ~ 1", UNEXPECTED, (3, 10, "~")),
        ("select id from Leads where id = 1 nonsense", UNEXPECTED, (1, 35, "nonsense")),
        ("select id from Leads where id =", PARSING, {"near": "="}),
        ("select id from Leads where", PARSING, {"near": "where"}),
        ("select id from Leads where (id = 1", PARSING, {"near": "1"}),
        ("select id from Leads where id = 1)", UNEXPECTED, (1, 34, ")")),
        ("select id from Leads where id in 1", UNEXPECTED, (1, 34, "1")),
        ("select id from Leads where id in ()", UNEXPECTED, (1, 35, ")")),
        ("select id from Leads where id between 1 or 2", UNEXPECTED, (1, 41, "or")),
        ("select id from Leads where id is nothing", UNEXPECTED, (1, 31, "is")),
        ("select id from Leads where not id = 1", "operator not supported", {"operator": "not"}),
        (
            "select id from Leads where " + "(" * 5000,
            "Parsing is happening for so long for the given query",
            {},
        ),
    ],
)
def test_queries_that_are_malformed(
    query: str, message: str, details: dict[str, str] | tuple[int, int, str]
) -> None:
    answer = Desk().coql(query)
    assert answer.status == 400
    if isinstance(details, tuple):
        wanted: dict[str, Any] = dict(zip(("line", "column", "near"), details, strict=True))
    else:
        wanted = dict(details)
    assert answer.json == problem("SYNTAX_ERROR", message, wanted)


@pytest.mark.parametrize(
    ("query", "message", "details"),
    [
        (
            "select Nonsense from Leads where id = 1",
            "unsupported column",
            {"column_name": "Nonsense"},
        ),
        (
            "select id from Leads where Nonsense = 1",
            "unsupported column",
            {"column_name": "Nonsense"},
        ),
        (
            "select id from Leads where id = 1 order by Nonsense",
            "unsupported column",
            {"column_name": "Nonsense"},
        ),
        (
            "select id from Leads where First_Name > 'A'",
            FORMED,
            {"reason": "invalid operator found", "column_name": "First_Name", "operator": ">"},
        ),
        (
            "select id from Leads where No_of_Employees like '5%'",
            FORMED,
            {
                "reason": "invalid operator found",
                "column_name": "No_of_Employees",
                "operator": "like",
            },
        ),
        (
            "select id from Leads where Email_Opt_Out is null",
            FORMED,
            {
                "reason": "invalid operator found",
                "column_name": "Email_Opt_Out",
                "operator": "is null",
            },
        ),
        (
            "select id from Leads where No_of_Employees = 'many'",
            FORMED,
            {
                "reason": "invalid value found",
                "column_name": "No_of_Employees",
                "operator": "=",
                "value": "many",
            },
        ),
        (
            "select id from Leads where Created_Time > '2026-03-01'",
            FORMED,
            {
                "reason": "invalid value found",
                "column_name": "Created_Time",
                "operator": ">",
                "value": "2026-03-01",
            },
        ),
        (
            "select id from Leads where Description = 'x'",
            "unsupported column in criteria",
            {
                "cv_criteria": False,
                "column_name": "Description",
                "operator": "=",
                "value": "x",
            },
        ),
    ],
)
def test_queries_that_make_no_sense(query: str, message: str, details: dict[str, Any]) -> None:
    answer = Desk().coql(query)
    assert (answer.status, answer.json) == (400, problem("INVALID_QUERY", message, details))


@pytest.mark.parametrize(
    "query",
    [
        "select City, City from Leads where id = 1",
        "select id from Leads where id = 1 order by City, City",
    ],
)
def test_a_column_twice(query: str) -> None:
    answer = Desk().coql(query)
    assert (answer.status, answer.json["code"]) == (400, "DUPLICATE_DATA")
    assert answer.json["details"] == {"column_name": "City"}


@pytest.mark.parametrize("module", ["Leeds", "leads", "Home"])
def test_a_query_on_an_unknown_module(module: str) -> None:
    answer = Desk().coql(ALL.replace("Leads", module))
    assert answer.status == 400
    message = "the given module is not supported in api"
    assert answer.json == problem("INVALID_MODULE", message, {})


@pytest.mark.parametrize("body", [{"query": "select"}, {"select_query": 1}])
def test_a_body_without_a_query(body: dict[str, Any]) -> None:
    answer = Desk().call("POST", "coql", body)
    assert answer.status == 400
    details = {"api_name": "select_query"}
    assert answer.json == problem("MANDATORY_NOT_FOUND", "mandatory key not found", details)


def test_limits_of_one_query() -> None:
    bridge = Desk(CrmSettings(coql_columns=2, coql_criteria=2, coql_order_by=1, coql_in_values=2))
    query = "select {} from Leads where {} order by {}"
    fits = ("City, Email", "(id is not null and id in (1, 2))", "City")
    assert bridge.coql(query.format(*fits)).status == 204
    for place, too_much in enumerate(
        (
            "City, Email, Phone",
            "((id = 1 and id = 1) and id = 1)",
            "City, Email",
        )
    ):
        answer = bridge.coql(query.format(*fits[:place], too_much, *fits[place + 1 :]))
        assert (answer.status, answer.json["code"]) == (400, "LIMIT_EXCEEDED"), too_much
    answer = bridge.coql("select id from Leads where id in (1, 2, 3)")
    assert answer.json == problem("LIMIT_EXCEEDED", "limit exceeded", {"limit": 2})


@pytest.mark.parametrize(
    ("value", "details"),
    [
        (
            "fields",
            {"expected_data_type": "jsonarray", "json_path": "$.include_meta"},
        ),
        (
            ["modules"],
            {"json_path": "$.include_meta[0]", "supported_values": ["fields"]},
        ),
    ],
)
def test_other_metadata_is_refused(value: object, details: dict[str, Any]) -> None:
    answer = Desk().coql("select id from Leads where id = 1", include_meta=value)
    assert answer.status == 400
    wanted = {"api_name": "include_meta", **details}
    assert answer.json == problem("INVALID_DATA", "invalid data", wanted)
