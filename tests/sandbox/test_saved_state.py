"""A sandbox that starts later goes on with the state of the one before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evergrant.sandbox import Sandbox
from evergrant.testing.local_sandbox import LocalSandbox
from tests.support.sandbox.accounts_caller import Caller, data

ALICE = "alice@example.com"


def saved(zoho: Sandbox) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(zoho.dump_state())
    return state


def test_tokens_work_in_the_next_sandbox_and_end_at_their_time() -> None:
    with Sandbox() as zoho:
        granted = Caller(zoho).login()
        zoho.clock.advance(minutes=30)
        state = saved(zoho)
    with Sandbox() as zoho:
        zoho.restore_state(json.dumps(state))
        app = Caller(zoho)
        assert app.status_of(granted["access_token"]) == 200
        zoho.clock.advance(minutes=31)
        assert app.status_of(granted["access_token"]) == 401
        assert "access_token" in data(app.refresh(granted["refresh_token"]))
        assert zoho.revoke(ALICE) == 1


def test_people_orgs_clients_and_records_are_there_again() -> None:
    with Sandbox() as zoho:
        org = zoho.add_org("Second", data_center="eu")
        zoho.add_user("dora@example.eu", org=org, services=["desk"])
        app = zoho.add_client(client_id="1000.MINE", client_secret="s", data_centers=["us"])
        zoho.add_records("crm", "Students", [{"Name": "Ann", "Grade": 3}])
        zoho.add_records("desk", "tickets", [{"id": "1"}])
        zoho.deny_role(ALICE, "books")
        state = saved(zoho)
        numbers = {org.zgid for user in zoho.users for org in user.orgs}
    with LocalSandbox() as zoho:
        zoho.restore_state(json.dumps(state))
        assert saved(zoho) == state
        dora = zoho.user("dora@example.eu")
        assert (dora.orgs[0].name, dora.services) == ("Second", frozenset({"desk"}))
        assert dora.orgs[0].zgid == org.zgid
        assert zoho.add_org("Third").zgid not in numbers
        with pytest.raises(ValueError, match="registered already"):
            zoho.add_client(client_id=app.client_id)
        with zoho.keeper(ALICE).client(ALICE) as crm:
            (student,) = crm.get("/Students?fields=Name,Grade").json()["data"]
        assert (student["Name"], student["Grade"]) == ("Ann", 3)


def test_limits_go_on() -> None:
    with Sandbox() as zoho:
        app = Caller(zoho)
        refresh = app.login()["refresh_token"]
        for _ in range(10):
            app.refresh(refresh)
        state = saved(zoho)
    with Sandbox() as zoho:
        zoho.restore_state(json.dumps(state))
        assert data(Caller(zoho).refresh(refresh))["error"] == "Access Denied"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "version 2"),
        ({"client": "1000.GONE"}, "damaged"),
        ({"users": None}, "damaged"),
        ({"grants": [{}]}, "damaged"),
    ],
)
def test_a_damaged_state_is_refused_and_nothing_changes(change: dict[str, Any], why: str) -> None:
    with Sandbox() as zoho:
        before = saved(zoho)
        with pytest.raises(ValueError, match=why):
            zoho.restore_state(json.dumps(before | change))
        assert saved(zoho) == before


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="incomplete or damaged"):
        Sandbox().restore_state(text)


def test_a_state_of_other_data_centers_is_refused() -> None:
    with Sandbox() as zoho:
        state = saved(zoho)
    with pytest.raises(ValueError, match="the state has people in eu"):
        Sandbox(data_centers=["us"]).restore_state(json.dumps(state))


@pytest.mark.parametrize(
    ("service", "name", "why"),
    [
        ("desc", "tickets", "no service 'desc': use one of crm, bigin"),
        ("desk", "ticket", "desk has no list 'ticket' in the sandbox: it has tickets"),
        ("writer", "documents", "it has no list"),
    ],
)
def test_records_of_a_list_that_is_not_served_are_refused(
    service: str, name: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Sandbox().add_records(service, name, [{"id": "1"}])


def test_a_record_that_the_crm_refuses_is_named() -> None:
    with pytest.raises(ValueError, match=r"Leads\[1\]\.Last_Name: MANDATORY_NOT_FOUND"):
        Sandbox().add_records("crm", "Leads", [{"Last_Name": "Doe"}, {"Company": "x"}])
