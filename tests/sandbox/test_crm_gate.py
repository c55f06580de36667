"""Which calls the CRM lets in: paths, methods, scopes, permissions, credits."""

from __future__ import annotations

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Desk, problem

MISMATCH = problem("OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL", {})


@pytest.mark.parametrize("version", ["2", "2.1", "3", "4", "5", "6", "7", "8"])
def test_every_version_that_an_sdk_calls_is_served(version: str) -> None:
    assert Desk().get(f"/crm/v{version}/org").status == 200


@pytest.mark.parametrize(
    "path",
    ["/crm/v8", "/crm/v9/org", "/crm/v8/", "/crm/v8/settings/nothing", "/crm/v8/Leads/1/2/3"],
)
def test_a_path_that_does_not_exist(path: str) -> None:
    answer = Desk().get(path)
    assert answer.status == 404
    message = "Please check if the URL trying to access is a correct one"
    assert answer.json == problem("INVALID_URL_PATTERN", message, {})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "Leads"),
        ("POST", "Leads/1"),
        ("PUT", "Leads/upsert"),
        ("POST", "users"),
        ("GET", "coql"),
        ("DELETE", "settings/fields"),
    ],
)
def test_a_method_that_a_path_does_not_know(method: str, path: str) -> None:
    answer = Desk().call(method, path)
    assert answer.status == 400
    message = "The http request method type is not a valid one"
    assert answer.json == problem("INVALID_REQUEST_METHOD", message, {})


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "Leads?", "modules.leads.READ"),
        ("GET", "Leads/1", "modules.Leads.READ"),
        ("GET", "Leads/deleted", "modules.leads.READ"),
        ("POST", "Leads", "modules.Leads.CREATE"),
        ("POST", "Leads/upsert", "modules.Leads.CREATE"),
        ("PUT", "Leads", "modules.Leads.UPDATE"),
        ("PUT", "Leads/1", "modules.leads.update"),
        ("DELETE", "Leads", "modules.leads.DELETE"),
        ("DELETE", "Leads/1", "modules.leads.delete"),
        ("GET", "users", "users.READ"),
        ("GET", "users/1", "users.READ"),
        ("GET", "org", "org.READ"),
        ("GET", "settings/modules", "settings.modules.READ"),
        ("GET", "settings/modules/Leads", "settings.modules.READ"),
        ("GET", "settings/fields", "settings.fields.READ"),
        ("GET", "settings/fields/1", "settings.fields.READ"),
        ("GET", "settings/related_lists", "settings.related_lists.READ"),
    ],
)
def test_a_call_needs_its_scope_and_no_other(method: str, path: str, needed: str) -> None:
    bridge, path = Desk(), path.rstrip("?")
    bridge.scopes = (f"ZohoCRM.{needed}",)
    assert bridge.call(method, path, {"data": []}).status != 401
    group, *_, operation = needed.split(".")
    other = {"READ": "DELETE"}.get(operation.upper(), "READ")
    bridge.scopes = (f"ZohoCRM.{group}.{other}", "ZohoCRM.modules.Contacts.ALL", "ZohoCRM.bulk.ALL")
    refused = bridge.call(method, path, {"data": []})
    assert (refused.status, refused.json) == (401, MISMATCH)


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("ZohoCRM.modules.ALL", 204),
        ("ZohoCRM.modules.READ", 204),
        ("ZohoCRM.modules.leads.ALL", 204),
        ("zohocrm.MODULES.Leads.read", 204),
        ("ZohoCRM.modules.contacts.ALL", 401),
        ("ZohoCRM.modules.leads.CREATE", 401),
        ("ZohoCRM.modules.leads.WRITE", 401),
        ("ZohoCRM.modules.lead.ALL", 401),
        ("ZohoCRM.settings.ALL", 401),
        ("ZohoBooks.modules.ALL", 401),
        ("ZohoCRM.ALL", 401),
        ("ALL", 401),
    ],
)
def test_which_scopes_cover_reading_leads(scope: str, status: int) -> None:
    bridge = Desk()
    bridge.scopes = (scope,)
    assert bridge.get("Leads", fields="Last_Name").status == status


def test_write_covers_creating_and_updating_but_not_deleting() -> None:
    bridge = Desk()
    bridge.scopes = ("ZohoCRM.modules.leads.WRITE",)
    lead = bridge.add({})[0]
    assert bridge.call("PUT", f"Leads/{lead}", {"data": [{"City": "Bonn"}]}).status == 200
    assert bridge.call("DELETE", f"Leads/{lead}").status == 401


def test_settings_all_covers_reading_fields() -> None:
    bridge = Desk()
    bridge.scopes = ("ZohoCRM.settings.all",)
    assert bridge.get("settings/fields", module="Leads").status == 200


def test_no_scopes_at_all_open_nothing() -> None:
    bridge = Desk()
    bridge.scopes = ()
    assert bridge.get("org").status == 401


def test_a_profile_without_api_access() -> None:
    bridge = Desk(CrmSettings(no_api_access=frozenset({"bob@example.com"})))
    assert bridge.get("org").status == 200
    bridge.user = bridge.bob
    refused = bridge.get("org")
    assert refused.status == 403
    details = {"permissions": ["Crm_Implied_Api_Access"]}
    assert refused.json == problem("NO_PERMISSION", "permission denied", details)


def _left(bridge: Desk) -> str | None:
    return bridge.get("org").headers.get("X-API-CREDITS-REMAINING")


def test_remaining_credits_are_told_once_half_are_used() -> None:
    bridge = Desk(CrmSettings(credits_per_day=6))
    assert [_left(bridge) for _ in range(6)] == [None, None, "3", "2", "1", "0"]


def test_no_credits_left() -> None:
    bridge = Desk(CrmSettings(credits_per_day=1))
    assert bridge.get("org").status == 200
    refused = bridge.get("org")
    assert refused.status == 429
    message = "too many requests. please try again after some time"
    assert refused.json == problem("TOO_MANY_REQUESTS", message, {})
    assert refused.headers["X-API-CREDITS-REMAINING"] == "0"


def test_credits_come_back_after_a_day() -> None:
    bridge = Desk(CrmSettings(credits_per_day=1))
    bridge.get("org")
    bridge.pass_time(hours=23)
    assert bridge.get("org").status == 429
    bridge.pass_time(hours=1)
    assert bridge.get("org").status == 200


def test_a_call_turned_away_costs_nothing() -> None:
    bridge = Desk(CrmSettings(credits_header_from=0))
    assert _cost(bridge, "GET", "nothing/at/all/here") == 0
    assert _cost(bridge, "PATCH", "Leads") == 0
    assert _cost(bridge, "GET", "Leads") == 1


def test_credits_are_those_of_the_org() -> None:
    bridge, other = (Desk(CrmSettings(credits_per_day=1)) for _ in range(2))
    bridge.get("org")
    bridge.user = bridge.bob
    assert bridge.get("org").status == 429
    assert other.get("org").status == 200


def _cost(bridge: Desk, method: str, path: str, body: object = None, **params: str) -> int:
    before = int(bridge.get("org").headers["X-API-CREDITS-REMAINING"])
    after = bridge.call(method, path, body, **params).headers["X-API-CREDITS-REMAINING"]
    return before - int(after)


@pytest.mark.parametrize(("records", "cost"), [(1, 1), (10, 1), (11, 2), (100, 10)])
def test_a_write_costs_a_credit_for_ten_records(records: int, cost: int) -> None:
    bridge = Desk(CrmSettings(credits_header_from=0))
    body = {"data": [{"Last_Name": "Doe"}] * records}
    assert _cost(bridge, "POST", "Leads", body) == cost


@pytest.mark.parametrize(("limit", "cost"), [(200, 1), (201, 2), (1000, 2), (1001, 3)])
def test_a_query_costs_by_its_limit(limit: int, cost: int) -> None:
    bridge = Desk(CrmSettings(credits_header_from=0))
    query = "select id from Leads where id is not null limit"
    assert _cost(bridge, "POST", "coql", {"select_query": f"{query} {limit}"}) == cost


def test_custom_views_and_deleted_lists_cost_more() -> None:
    bridge = Desk(CrmSettings(credits_header_from=0))
    assert _cost(bridge, "GET", "Leads", fields="id", cvid="1") == 3
    assert _cost(bridge, "GET", "Leads/deleted") == 2
    assert _cost(bridge, "GET", "Leads", fields="id") == 1


def test_a_body_that_is_no_json_object() -> None:
    for body in (b"", b"{", b"[1]", b"\xff"):
        answer = Desk().call("POST", "Leads", body)
        assert answer.status == 400
        details = {"expected_data_type": "jsonobject"}
        assert answer.json == problem("INVALID_DATA", "body", details)


def test_json_is_read_whatever_the_content_type_says() -> None:
    for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}):
        bridge = Desk()
        body = b'{"data": [{"Last_Name": "Doe"}]}'
        assert bridge.call("POST", "Leads", body, kind).status == 201


def test_answers_are_json_in_utf_8() -> None:
    bridge = Desk()
    bridge.add({"Last_Name": "Müller ☕"})
    answer = bridge.get("Leads", fields="Last_Name")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.column("Last_Name") == ["Müller ☕"]


def test_two_orgs_share_nothing() -> None:
    one, two = Desk(), Desk()
    two.org.zgid = "60000000002"
    one.add({})
    assert two.get("Leads", fields="id").status == 204
    assert (
        one.get("users", type="CurrentUser").json["users"][0]["id"]
        != (two.get("users", type="CurrentUser").json["users"][0]["id"])
    )
