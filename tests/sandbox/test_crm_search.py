"""Searching: criteria, e-mail, phone, word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Answer, Desk, problem


@pytest.fixture
def bridge() -> Desk:
    """Four leads, a day apart."""
    bridge = Desk()
    for record in (
        {"Last_Name": "Ames", "Company": "Zylker", "No_of_Employees": 5, "City": "Bonn"},
        {"Last_Name": "Burns,B", "Company": "Zylker Inc.", "No_of_Employees": 50},
        {"Last_Name": "Cole (old)", "Company": "Acme", "Lead_Status": "Contacted"},
        {"Last_Name": "Dean\\", "Lead_Status": "Not Contacted", "Email_Opt_Out": True},
    ):
        bridge.add(record)
        bridge.pass_time(days=1)
    return bridge


def _names(answer: Answer) -> str:
    """Return the initials of those found, in order."""
    assert answer.status in (200, 204), answer.raw
    return "" if answer.status == 204 else "".join(n[0] for n in answer.column("Last_Name"))


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ("(Company:equals:Zylker)", "BA"),
        ("(Company:equals:zylker inc)", "B"),
        ("Company:equals:Zylker", "BA"),
        ("(Company:starts_with:Zyl)", "BA"),
        ("(Company:starts_with:ker)", ""),
        ("(Company:not_equal:Zylker)", "CB"),
        ("(Company:in:Acme,Zylker)", "CA"),
        ("(Lead_Status:equals:Contacted)", "C"),
        ("(Lead_Status:in:Contacted,Not Contacted)", "DC"),
        ("(No_of_Employees:greater_than:5)", "B"),
        ("(No_of_Employees:greater_equal:5)", "BA"),
        ("(No_of_Employees:less_than:50)", "A"),
        ("(No_of_Employees:less_equal:50)", "BA"),
        ("(No_of_Employees:between:6,50)", "B"),
        ("(No_of_Employees:in:5,7)", "A"),
        ("(No_of_Employees:equals:5)", "A"),
        ("(Email_Opt_Out:equals:true)", "D"),
        ("(Email_Opt_Out:not_equal:TRUE)", "CBA"),
        ("(Created_Time:less_equal:2026-03-02T10:00:00+01:00)", "BA"),
        ("(Created_Time:between:2026-03-02T00:00:00+00:00,2026-03-03T23:00:00+00:00)", "CB"),
        ("(Full_Name:equals:ames)", "A"),
    ],
)
def test_a_search_for_one_condition(bridge: Desk, criteria: str, found: str) -> None:
    assert _names(bridge.search(criteria)) == found


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ("((Company:equals:Zylker)and(City:equals:Bonn))", "A"),
        ("((Company:equals:Zylker) and (City:equals:Ulm))", ""),
        ("((Company:equals:Acme)or(City:equals:Bonn))", "CA"),
        ("(((Company:equals:Acme)or(City:equals:Bonn))and(Last_Name:starts_with:A))", "A"),
        ("((Company:equals:Acme)or((City:equals:Bonn)and(Last_Name:starts_with:X)))", "C"),
        ("((Company:equals:Acme)or(City:equals:Bonn)and(Last_Name:starts_with:X))", "C"),
        ("(Company:equals:Acme)OR(City:equals:Bonn)", "CA"),
        ("( (Company:equals:Acme) or (City:equals:Bonn) )", "CA"),
        ("(((Company:equals:Acme)))", "C"),
    ],
)
def test_conditions_joined_and_nested(bridge: Desk, criteria: str, found: str) -> None:
    assert _names(bridge.search(criteria)) == found


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (r"(Last_Name:equals:Burns\,B)", "B"),
        (r"(Last_Name:in:Ames,Burns\,B)", "BA"),
        (r"((Last_Name:equals:Cole \(old\))and(Company:equals:Acme))", "C"),
        (r"(Last_Name:equals:Dean\\)", "D"),
        (r"(Last_Name:starts_with:Dean\\)", "D"),
    ],
)
def test_escaped_characters(bridge: Desk, criteria: str, found: str) -> None:
    assert _names(bridge.search(criteria)) == found


def test_owners_are_compared_by_id(bridge: Desk) -> None:
    alice, bob = (user["id"] for user in bridge.get("users").json["users"])
    assert _names(bridge.search(f"(Owner:equals:{alice})")) == "DCBA"
    assert _names(bridge.search(f"(Owner:equals:{bob})")) == ""
    (lead,) = bridge.search("(City:equals:Bonn)").ids
    assert _names(bridge.search(f"(id:equals:{lead})")) == "A"


def test_the_answer_of_a_search(bridge: Desk) -> None:
    answer = bridge.search("(Company:equals:Acme)", fields="Company")
    (lead,) = answer.ids
    assert answer.json == {
        "data": [{"Company": "Acme", "id": lead}],
        "info": {"per_page": 200, "count": 1, "page": 1, "more_records": False},
    }
    (whole,) = bridge.search("(Company:equals:Acme)").json["data"]
    assert whole == bridge.get(f"Leads/{lead}").json["data"][0]


def test_a_search_that_finds_nothing_is_an_empty_204(bridge: Desk) -> None:
    answer = bridge.search("(City:equals:Nowhere)")
    assert (answer.status, answer.raw) == (204, b"")


def test_found_records_come_in_pages(bridge: Desk) -> None:
    pages = [bridge.search("(Last_Name:not_equal:X)", per_page=3, page=page) for page in (1, 2)]
    assert [_names(page) for page in pages] == ["DCB", "A"]
    assert [page.json["info"]["more_records"] for page in pages] == [True, False]
    assert not bridge.search("(Last_Name:not_equal:X)", per_page=4).json["info"]["more_records"]
    assert bridge.search("(Last_Name:not_equal:X)", per_page=3, page=3).status == 204


def test_a_search_ends_at_2000_records(bridge: Desk) -> None:
    assert bridge.search("(City:equals:Bonn)", page=10).status == 204
    answer = bridge.search("(City:equals:Bonn)", page=11)
    assert answer.status == 400
    message = "maximum response iteration limit reached"
    assert answer.json == problem("LIMIT_REACHED", message, {"limit": "2000"})


@pytest.fixture
def reached(bridge: Desk) -> Desk:
    bridge.org.records.clear()
    bridge.add({"Last_Name": "Mail", "Email": "jane@doe.example"})
    bridge.add({"Last_Name": "Second", "Secondary_Email": "Jane@other.example"})
    bridge.add({"Last_Name": "Phone", "Mobile": "+49 (228) 12-34"})
    bridge.add({"Last_Name": "Word", "Description": "a word from jane"})
    return bridge


def test_the_first_way_of_searching_wins(reached: Desk) -> None:
    ways = {
        "criteria": "(Last_Name:equals:Word)",
        "email": "jane@doe.example",
        "phone": "1234",
        "word": "Second",
    }
    found = []
    while ways:
        found.append(_names(reached.get("Leads/search", **ways)))
        del ways[next(iter(ways))]
    assert found == ["W", "M", "P", "S"]


@pytest.mark.parametrize(
    ("way", "text", "found"),
    [
        ("email", "jane@doe.example", "M"),
        ("email", "JANE", "SM"),
        ("email", "@other.example", "S"),
        ("email", "word", ""),
        ("phone", "+49 228 1234", "P"),
        ("phone", "228-12", "P"),
        ("phone", "999", ""),
        ("email", "do", "M"),
        ("phone", "491", ""),
        ("phone", "228", "P"),
        ("word", "ja", "WSM"),
        ("word", "a WORD from", "W"),
    ],
)
def test_searching_by_email_phone_or_word(reached: Desk, way: str, text: str, found: str) -> None:
    assert _names(reached.get("Leads/search", **{way: text})) == found


def test_ten_criteria_are_the_most(bridge: Desk) -> None:
    ten = "or".join(["(City:equals:Bonn)"] * 10)
    assert _names(bridge.search(f"({ten})")) == "A"
    answer = bridge.search(f"({ten}or(City:equals:Bonn))")
    assert (answer.status, answer.json["code"]) == (400, "CRITERIA_LIMIT_EXCEEDED")


def test_a_hundred_values_of_in_are_the_most(bridge: Desk) -> None:
    hundred = ",".join(["Bonn"] * 100)
    assert _names(bridge.search(f"(City:in:{hundred})")) == "A"
    answer = bridge.search(f"(City:in:{hundred},Bonn)")
    assert answer.status == 400
    message = 'Only 100 values are allowed in "IN" criteria'
    assert answer.json == problem("INVALID_QUERY", message, {"param_name": "City"})


def test_a_search_asks_for_the_scope_of_searching(bridge: Desk) -> None:
    bridge.scopes = ("ZohoCRM.modules.ALL",)
    answer = bridge.search("(City:equals:Bonn)")
    assert (answer.status, answer.json["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
    bridge.settings = CrmSettings(search_scope="")
    assert bridge.search("(City:equals:Bonn)").status == 200


def test_a_change_is_found_only_after_the_index_has_it(bridge: Desk) -> None:
    bridge.settings = CrmSettings(index_lag=timedelta(seconds=30))
    (lead,) = bridge.add({"Last_Name": "New", "City": "Rom"})
    assert bridge.search("(City:equals:Rom)").status == 204
    assert bridge.get(f"Leads/{lead}").status == 200
    bridge.pass_time(seconds=30)
    assert _names(bridge.search("(City:equals:Rom)")) == "N"


@pytest.mark.parametrize(("converted", "found"), [("false", "A"), ("both", "A"), ("true", "")])
def test_no_lead_found_is_converted(bridge: Desk, converted: str, found: str) -> None:
    assert _names(bridge.search("(City:equals:Bonn)", converted=converted)) == found


def test_dates_are_compared_as_dates() -> None:
    bridge = Desk()
    born = {"Date_of_Birth": "1990-02-01"}
    bridge.add(born, module="Contacts")
    for operator, value, status in [
        ("equals", "1990-02-01", 200),
        ("less_than", "1990-02-01", 204),
        ("greater_than", "1990-01-31", 200),
        ("equals", "yesterday", 400),
    ]:
        criteria = f"(Date_of_Birth:{operator}:{value})"
        assert bridge.get("Contacts/search", criteria=criteria).status == status
