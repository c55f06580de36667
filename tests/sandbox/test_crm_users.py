"""Users and the org, by which the official SDK names a token's owner."""

from __future__ import annotations

import re

import pytest

from evergrant.sandbox.crm.context import CrmSettings
from tests.support.sandbox.crm_caller import Desk

ID = re.compile(r"\d{19}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")


def test_the_current_user() -> None:
    bridge = Desk()
    bridge.user = bridge.bob
    answer = bridge.get("users", type="CurrentUser")
    assert answer.status == 200
    (bob,) = answer.json["users"]
    wanted = {
        "zuid": "700000002",
        "email": "bob@example.com",
        "first_name": "Bob",
        "last_name": "Brown",
        "full_name": "Bob Brown",
        "status": "active",
        "confirm": True,
        "type__s": "Regular User",
        "locale": "en_US",
    }
    assert wanted.items() <= bob.items()
    assert bob["created_by"] == bob["Modified_By"] == {"name": "Bob Brown", "id": bob["id"]}
    assert set(bob["role"]) == set(bob["profile"]) == {"name", "id"}
    for value in (bob["id"], bob["role"]["id"], bob["profile"]["id"]):
        assert ID.fullmatch(value)
    assert TIME.fullmatch(bob["created_time"])
    assert TIME.fullmatch(bob["Modified_Time"])
    assert answer.json["info"] == {
        "per_page": 200,
        "count": 1,
        "page": 1,
        "more_records": False,
    }


def _emails(bridge: Desk, **params: object) -> list[str]:
    return [user["email"] for user in bridge.get("users", **params).json["users"]]


@pytest.mark.parametrize(
    "kind", ["AllUsers", "ActiveUsers", "ConfirmedUsers", "AdminUsers", "ActiveConfirmedAdmins"]
)
def test_everybody_in_the_org(kind: str) -> None:
    assert _emails(Desk(), type=kind) == ["alice@example.com", "bob@example.com"]


def test_users_without_a_type_are_all_of_them() -> None:
    assert len(_emails(Desk())) == 2


@pytest.mark.parametrize("kind", ["DeactiveUsers", "NotConfirmedUsers", "DeletedUsers"])
def test_nobody_of_a_type_is_an_empty_204(kind: str) -> None:
    answer = Desk().get("users", type=kind)
    assert (answer.status, answer.raw) == (204, b"")


def test_users_come_in_pages() -> None:
    bridge = Desk()
    first, last = (bridge.get("users", per_page=1, page=page).json for page in (1, 2))
    assert [user["email"] for user in first["users"] + last["users"]] == [
        "alice@example.com",
        "bob@example.com",
    ]
    assert (first["info"]["more_records"], last["info"]["more_records"]) == (True, False)
    assert bridge.get("users", per_page=1, page=3).status == 204
    assert bridge.get("users", per_page=2, page=2).status == 204


def test_an_unknown_type_of_users() -> None:
    answer = Desk().get("users", type="Everyone")
    assert answer.status == 400
    assert answer.json["code"] == "INVALID_DATA"
    assert answer.json["details"]["param_name"] == "type"
    assert "CurrentUser" in answer.json["details"]["supported_values"]


def test_one_user_by_id() -> None:
    bridge = Desk()
    bob = bridge.get("users").json["users"][1]
    assert bridge.get(f"users/{bob['id']}").json == {"users": [bob]}


def test_an_unknown_user_is_an_empty_204() -> None:
    answer = Desk().get("users/1234567890123456789")
    assert (answer.status, answer.raw) == (204, b"")


@pytest.mark.parametrize("kind", ["production", "sandbox", "developer"])
def test_the_org(kind: str) -> None:
    bridge = Desk(CrmSettings(max_page=150))
    bridge.org.kind = kind
    answer = bridge.get("org")
    assert answer.status == 200
    (org,) = answer.json["org"]
    wanted = {
        "zgid": "60000000001",
        "company_name": "Zylker",
        "type": kind,
        "primary_email": "alice@example.com",
        "primary_zuid": "700000001",
        "iso_code": "USD",
        "currency_symbol": "$",
        "max_per_page": 150,
    }
    assert wanted.items() <= org.items()
    assert ID.fullmatch(org["id"])
    assert org["license_details"]["users_license_purchased"] == 2
    assert {"time_zone", "country_code", "domain_name", "hierarchy_preferences"} <= set(org)


def test_an_org_without_members_has_its_caller() -> None:
    bridge = Desk()
    bridge.org.members.clear()
    assert _emails(bridge) == ["alice@example.com"]


ORG_KEYS = [
    "alias",
    "city",
    "company_name",
    "country",
    "country_code",
    "created_time",
    "currency",
    "currency_locale",
    "currency_symbol",
    "deletable_org_account",
    "description",
    "domain_name",
    "employee_count",
    "fax",
    "gapps_enabled",
    "hierarchy_preferences",
    "hipaa_compliance_enabled",
    "id",
    "iso_code",
    "license_details",
    "lite_users_enabled",
    "mc_status",
    "mobile",
    "phone",
    "photo_id",
    "primary_email",
    "primary_zuid",
    "privacy_settings",
    "state",
    "street",
    "time_zone",
    "translation_enabled",
    "type",
    "website",
    "zgid",
    "zia_portal_id",
    "zip",
]
"""What zoho/crm-oas (v8.0, getOrganization) requires of an org."""


def test_the_org_has_every_key_that_zoho_requires() -> None:
    (org,) = Desk().get("org").json["org"]
    assert set(ORG_KEYS) <= org.keys()
    required = {"users_license_purchased", "paid", "paid_type", "portal_users_license_purchased"}
    assert (
        required | {"trial_action", "trial_type", "trial_expiry"} <= org["license_details"].keys()
    )


def test_users_by_their_ids() -> None:
    bridge = Desk()
    alice, bob = (user["id"] for user in bridge.get("users").json["users"])
    answer = bridge.get("users", ids=f"{bob},7")
    assert [user["id"] for user in answer.json["users"]] == [bob]
    assert answer.json["info"]["count"] == 1
    assert bridge.get("users", ids="7").status == 204
    assert (
        bridge.get("users", ids=f"{alice}, {bob}", per_page=1, page=2).json["users"][0]["id"] == bob
    )
    too_many = bridge.get("users", ids=",".join(map(str, range(101))))
    assert (too_many.status, too_many.json["code"]) == (400, "LIMIT_EXCEEDED")


def test_the_properties_of_users_that_are_asked_for() -> None:
    bridge = Desk()
    user = bridge.get("users", type="CurrentUser", fields="email,zuid").json["users"][0]
    assert user.keys() == {"id", "email", "zuid"}
    one = bridge.get(f"users/{user['id']}", fields="full_name").json["users"][0]
    assert one.keys() == {"id", "full_name"}
    assert bridge.get("users", fields="shoe_size").missing == "property shoe_size"


def test_users_of_one_kind_of_account() -> None:
    bridge = Desk()
    assert len(bridge.get("users", type__s="Regular User").json["users"]) == 2
    assert bridge.get("users", type__s="Team User").status == 204
    assert bridge.get("users", type__s="Robot").status == 400


def test_users_changed_since() -> None:
    bridge = Desk()
    since = {"If-Modified-Since": "2026-01-01T00:00:00+00:00"}
    assert bridge.get("users", since).status == 304
    early = {"If-Modified-Since": "2020-01-01T00:00:00+00:00"}
    assert bridge.get("users", early).status == 200
