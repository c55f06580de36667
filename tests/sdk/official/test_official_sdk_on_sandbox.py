"""Zoho's own Python SDK finds nothing missing in the sandbox."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from tests.support.sdk.process import SdkProcess
from tests.support.sdk.stores import OFFICIAL_FILE

TOKEN, ALICE = "/oauth/v2/token", "alice@example.com"


@pytest.fixture
def sdk(start: Callable[..., SdkProcess]) -> SdkProcess:
    """Return the SDK with its own file store, after Alice has logged in."""
    sdk = start(OFFICIAL_FILE)
    sdk.log_in(ALICE)
    assert sdk("whoami") == ALICE
    return sdk


def test_log_in_create_a_lead_read_it_and_read_again_an_hour_later(
    sdk: SdkProcess, zoho: Sandbox, tmp_path: Path
) -> None:
    lead = {
        "Last_Name": "Müller",
        "First_Name": "Jane",
        "Company": "Zylker",
        "Email": "jane@doe.example",
        "No_of_Employees": 7,
        "Annual_Revenue": 12.5,
        "Email_Opt_Out": True,
    }
    created = sdk("create", module="Leads", Lead_Source={"choice": "Cold Call"}, **lead)
    assert (created["status"], created["code"]) == (201, "SUCCESS")
    (before,) = sdk("read", module="Leads", record_id=created["id"])
    assert lead.items() <= before.items()
    assert (before["Full_Name"], before["Lead_Source"]) == ("Jane Müller", "Cold Call")
    assert before["Owner"]["name"] == before["Created_By"]["name"] == "Alice Ames"

    assert zoho.calls.count(TOKEN, "refresh_token") == 0
    zoho.clock.advance(hours=1)
    (after,) = sdk("read", module="Leads", record_id=created["id"])
    assert after == before
    assert zoho.calls.count(TOKEN, "refresh_token") == 1
    assert zoho.calls.count(TOKEN, "authorization_code") == 1

    leads = f"/crm/v8/Leads/{created['id']}"
    assert [(call.method, call.path, call.status) for call in zoho.calls] == [
        ("POST", TOKEN, 200),
        ("GET", "/crm/v8/users", 200),
        ("GET", "/crm/v8/org", 200),
        ("GET", "/crm/v8/users", 200),
        ("GET", "/crm/v8/settings/fields", 200),
        ("POST", "/crm/v8/Leads", 201),
        ("GET", leads, 200),
        ("POST", TOKEN, 200),
        ("GET", leads, 200),
    ]
    with (tmp_path / "tokens.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    (org,) = zoho.user(ALICE).orgs
    assert row["user_name"] == f"{ALICE}:{org.zgid}"


def test_every_call_of_the_slice_is_understood(sdk: SdkProcess) -> None:
    account = sdk("create", module="Accounts", Account_Name="Zylker")["id"]
    contact = sdk(
        "create",
        module="Contacts",
        Last_Name="Doe",
        Email="jane@doe.example",
        Account_Name={"id": account},
    )["id"]
    (read,) = sdk("read", module="Contacts", record_id=contact)
    assert str(read["Account_Name"]["id"]) == account
    changed = sdk("update", module="Contacts", record_id=contact, Department="Sales")
    assert (changed["code"], changed["id"]) == ("SUCCESS", contact)
    assert sdk("upsert", module="Contacts", Last_Name="Roe", Email="jane@doe.example") == {
        "status": 200,
        "code": "SUCCESS",
        "id": contact,
        "field": None,
    }
    wanted = [{"Last_Name": "Roe", "Department": "Sales", "id": int(contact)}]
    assert sdk("records", module="Contacts", fields="Last_Name,Department") == wanted
    found = sdk("search", module="Contacts", criteria="(Department:equals:Sales)")
    assert [row["Last_Name"] for row in found] == ["Roe"]
    query = "select Last_Name from Contacts where Email = 'jane@doe.example'"
    assert [row["Last_Name"] for row in sdk("coql", query=query)] == ["Roe"]
    assert sdk("delete", module="Contacts", record_id=contact)["code"] == "SUCCESS"
    assert sdk("records", module="Contacts", fields="Last_Name") == 204
    assert sdk("deleted", module="Contacts") == [[contact, "recycle"]]
    assert sdk("modules") == [["Home", "Leads", "Accounts", "Contacts"], 304]


def test_refusals_are_understood(sdk: SdkProcess) -> None:
    assert sdk("create", module="Leads", Last_Name="Doe", Email="nobody") == {
        "status": 400,
        "code": "INVALID_DATA",
        "id": "None",
        "field": "Email",
    }
    assert sdk("delete", module="Leads", record_id="1") == [400, "INVALID_DATA"]
    assert sdk("search", module="Leads", criteria="(Nonsense:equals:1)") == [400, "INVALID_QUERY"]
    assert sdk("coql", query="select id from Leads") == [400, "SYNTAX_ERROR"]
