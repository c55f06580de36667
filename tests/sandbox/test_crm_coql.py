"""COQL: a basic select."""

from __future__ import annotations

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Answer, Desk

NAMES = "select Last_Name from Leads where"
ALL = "select id from Leads where id is not null"


@pytest.fixture
def bridge() -> Desk:
    """Four leads, a day apart."""
    bridge = Desk()
    for record in (
        {"Last_Name": "Ames", "City": "Bonn", "No_of_Employees": 5, "Annual_Revenue": 9.5},
        {"Last_Name": "Burns", "City": "Bonn", "No_of_Employees": 50},
        {"Last_Name": "O'Cole", "City": "Ulm", "Lead_Status": "Contacted"},
        {"Last_Name": "Dean", "Email": "dean@doe.example", "Email_Opt_Out": True},
    ):
        bridge.add(record)
        bridge.pass_time(days=1)
    return bridge


def _names(answer: Answer) -> str:
    """Return the initials of those found, in order."""
    assert answer.status in (200, 204), answer.raw
    return "" if answer.status == 204 else "".join(n[0] for n in answer.column("Last_Name"))


def _where(bridge: Desk, rest: str) -> str:
    return _names(bridge.coql(f"{NAMES} {rest}"))


def test_the_answer_of_a_query(bridge: Desk) -> None:
    answer = bridge.coql("select Last_Name, City from Leads where City = 'Ulm'")
    assert answer.status == 200
    (lead,) = answer.ids
    assert answer.json == {
        "data": [{"Last_Name": "O'Cole", "City": "Ulm", "id": lead}],
        "info": {"count": 1, "more_records": False},
    }


def test_a_query_that_finds_nothing_is_an_empty_204(bridge: Desk) -> None:
    answer = bridge.coql("select id from Leads where City = 'Nowhere'")
    assert (answer.status, answer.raw) == (204, b"")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("City = 'Bonn'", "AB"),
        ("City = bonn", "AB"),
        ('City = "Bonn"', "AB"),
        ("City != 'Bonn'", "O"),
        ("Last_Name = 'O''Cole'", "O"),
        ("City in ('Ulm', 'Bonn')", "ABO"),
        ("City not in ('Ulm')", "AB"),
        ("City is null", "D"),
        ("City is not null", "ABO"),
        ("Last_Name like 'A%'", "A"),
        ("Last_Name like '%s'", "AB"),
        ("Last_Name like '%ea%'", "D"),
        ("Last_Name like 'ea'", ""),
        ("Last_Name not like '%s'", "OD"),
        ("No_of_Employees = 5", "A"),
        ("No_of_Employees != 5", "B"),
        ("No_of_Employees > 5", "B"),
        ("No_of_Employees >= 5", "AB"),
        ("No_of_Employees < 50", "A"),
        ("No_of_Employees <= 50", "AB"),
        ("No_of_Employees between 6 and 50", "B"),
        ("No_of_Employees between 5 and 6", "A"),
        ("No_of_Employees not between 6 and 50", "A"),
        ("No_of_Employees in (5, 50)", "AB"),
        ("Annual_Revenue = 9.5", "A"),
        ("Annual_Revenue < 10", "A"),
        ("Email_Opt_Out = 'true'", "D"),
        ("Email_Opt_Out = false", "ABO"),
        ("Lead_Status = 'Contacted'", "O"),
        ("Created_Time < '2026-03-02T10:00:00+01:00'", "A"),
        ("Created_Time >= 2026-03-03T09:00:00+00:00", "OD"),
        ("Created_Time between '2026-03-02T00:00:00+00:00' and '2026-03-03T10:00:00+00:00'", "BO"),
    ],
)
def test_a_query_with_one_condition(bridge: Desk, where: str, found: str) -> None:
    assert _where(bridge, where) == found


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("City = 'Bonn' and No_of_Employees > 5", "B"),
        ("City = 'Ulm' or No_of_Employees > 5", "BO"),
        ("(City = 'Ulm' or City = 'Bonn')", "ABO"),
        ("((City = 'Ulm' or City = 'Bonn') and Last_Name like '%s')", "AB"),
        ("(City = 'Ulm' or (City = 'Bonn' and Last_Name like 'B%'))", "BO"),
        ("((City = 'Ulm') or (Email is not null))", "OD"),
    ],
)
def test_conditions_in_pairs(bridge: Desk, where: str, found: str) -> None:
    assert _where(bridge, where) == found


def test_keywords_know_no_letter_case(bridge: Desk) -> None:
    query = "SELECT Last_Name FROM Leads WHERE City IS NOT NULL ORDER BY Last_Name DESC LIMIT 2"
    assert _names(bridge.coql(query)) == "OB"


def test_names_may_be_quoted(bridge: Desk) -> None:
    assert _names(bridge.coql("select 'Last_Name' from Leads where 'City' = 'Ulm'")) == "O"


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("", "ABOD"),
        ("order by Last_Name", "ABDO"),
        ("order by Last_Name asc", "ABDO"),
        ("order by Last_Name desc", "ODBA"),
        ("order by id desc", "DOBA"),
        ("order by City desc, Last_Name", "OABD"),
        ("order by City, Last_Name desc", "DBAO"),
        ("order by Created_Time desc", "DOBA"),
    ],
)
def test_order(bridge: Desk, order: str, found: str) -> None:
    assert _where(bridge, f"id is not null {order}") == found


@pytest.mark.parametrize(
    ("limit", "found", "left"),
    [
        ("limit 2", "AB", 1),
        ("limit 4", "ABOD", 0),
        ("limit 1,2", "BO", 1),
        ("limit 2 offset 2", "OD", 0),
        ("offset 3", "D", 0),
        ("limit 2, 2000", "OD", 0),
    ],
)
def test_limit_and_offset(bridge: Desk, limit: str, found: str, left: int) -> None:
    answer = bridge.coql(f"{NAMES} id is not null {limit}")
    assert _names(answer) == found
    assert answer.json["info"] == {"count": len(found), "more_records": left > 0}


def test_without_a_limit_there_are_200() -> None:
    bridge = Desk()
    bridge.add_many(201)
    answer = bridge.coql("select id from Leads where id is not null")
    assert answer.json["info"] == {"count": 200, "more_records": True}


def test_the_last_row_within_reach(bridge: Desk) -> None:
    assert _where(bridge, "id is not null limit 1 offset 99999") == ""


def test_the_documented_limits_of_one_query() -> None:
    known = CrmSettings()
    assert (known.coql_rows, known.coql_default_limit, known.coql_reach) == (2_000, 200, 100_000)
    assert (known.coql_columns, known.coql_criteria, known.coql_order_by) == (500, 25, 10)


def test_a_query_may_ask_for_the_metadata_of_its_columns(bridge: Desk) -> None:
    query = "select id, City from Leads where City = 'Ulm'"
    answer = bridge.coql(query, include_meta=["fields"])
    fields = bridge.get("settings/fields", module="Leads").json["fields"]
    (city,) = [field for field in fields if field["api_name"] == "City"]
    assert answer.json["fields"] == {"City": city}
    assert "fields" not in bridge.coql(query).json


@pytest.mark.parametrize(
    "scope", ["ZohoCRM.coql.READ", "ZohoCRM.modules.ALL", "ZohoCRM.modules.contacts.READ"]
)
def test_a_query_needs_two_scopes(bridge: Desk, scope: str) -> None:
    query = "select id from Leads where id is not null"
    bridge.scopes = (scope,)
    answer = bridge.coql(query)
    assert (answer.status, answer.json["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
    bridge.scopes = ("ZohoCRM.coql.read", "ZohoCRM.modules.leads.READ")
    assert bridge.coql(query).status == 200


def test_a_query_sees_a_change_at_once(bridge: Desk) -> None:
    bridge.add({"Last_Name": "New", "City": "Rom"})
    assert _where(bridge, "City = 'Rom'") == "N"
