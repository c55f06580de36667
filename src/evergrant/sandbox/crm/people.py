"""Users and the organisation: whom a token belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evergrant.sandbox.crm.call import Call
from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.ids import Kind, make_id, user_id
from evergrant.sandbox.crm.paging import page_of
from evergrant.sandbox.wire import Response, json_response
from evergrant.sandbox.world import Org, User

__all__ = ["ADMINISTRATOR", "list_users", "one_user", "organisation", "reference", "user_with_id"]

_EVERYBODY = (
    "AllUsers",
    "ActiveUsers",
    "AllActiveUsers",
    "ConfirmedUsers",
    "ActiveConfirmedUsers",
    "AdminUsers",
    "ActiveConfirmedAdmins",
    "ActiveAndDeactive",
)
_NOBODY = (
    "DeactiveUsers",
    "NotConfirmedUsers",
    "DeletedUsers",
    "ConfirmedReportingUsers",
    "DeveloperUsers",
    "ParentRoleUsers",
    "ChildRoleUsers",
    "SubordinateRoleUsers",
)
"""Types of users (get-users.html); everybody in a sandbox org is a confirmed administrator."""

ADMINISTRATOR = ("Administrator", 497)
_CEO = ("CEO", 861)
_JOINED = "2024-01-01T00:00:00+00:00"


def list_users(call: Call) -> Response:
    """GET /users: of one type, or all."""
    kind = call.choice("type", *_EVERYBODY, "CurrentUser", *_NOBODY)
    context, page = call.context, page_of(call)
    found = [context.user] if kind == "CurrentUser" else []
    found = members(context) if kind in _EVERYBODY else found
    shown = page.cut(found)
    if not shown:
        return Response(204)
    return json_response({"users": _described(context.org, shown), "info": page.info(found)})


def one_user(call: Call, wanted: str) -> Response:
    """GET /users/{id}."""
    found = user_with_id(call.context, wanted)
    if found is None:
        return Response(204)
    return json_response({"users": _described(call.context.org, [found])})


def members(context: CrmContext) -> list[User]:
    """Return everybody in the org."""
    return list(context.org.members) or [context.user]


def user_with_id(context: CrmContext, wanted: str) -> User | None:
    """Return the member of the org with this id."""
    return next((user for user in members(context) if user_id(context.org, user) == wanted), None)


def reference(org: Org, user: User, *, email: bool = False) -> dict[str, str]:
    """Return the short form in which a record names a user."""
    named = {"name": user.full_name, "id": user_id(org, user)}
    return named | ({"email": user.email} if email else {})


def _described(org: Org, users: Iterable[User]) -> list[dict[str, Any]]:
    role, profile = (
        {"name": n, "id": make_id(org, Kind.SETTING, i)} for n, i in (_CEO, ADMINISTRATOR)
    )
    return [
        {
            "id": user_id(org, user),
            "zuid": user.zuid,
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "full_name": user.full_name,
            "alias": None,
            "status": "active",
            "confirm": True,
            "role": role,
            "profile": profile,
            "created_by": reference(org, user),
            "Modified_By": reference(org, user),
            "created_time": _JOINED,
            "Modified_Time": _JOINED,
            "locale": "en_US",
            "time_zone": "Etc/UTC",
            "phone": None,
            "Reporting_To": None,
            "microsoft": False,
            "sandboxDeveloper": False,
            "type__s": "Regular User",
        }
        for user in users
    ]


def organisation(call: Call) -> Response:
    """GET /org."""
    org, first = call.context.org, members(call.context)[0]
    described = {
        "id": make_id(org, Kind.SETTING, 1),
        "zgid": org.zgid,
        "company_name": org.name,
        "alias": None,
        "type": org.kind,
        "primary_email": first.email,
        "primary_zuid": first.zuid,
        "domain_name": f"org{org.zgid}",
        "country": "US",
        "country_code": "US",
        "currency": "US Dollar - USD",
        "currency_symbol": "$",
        "currency_locale": "en_US",
        "iso_code": "USD",
        "time_zone": "Etc/UTC",
        "created_time": _JOINED,
        "license_details": {
            "paid": True,
            "paid_type": "standard",
            "paid_expiry": None,
            "trial_type": None,
            "trial_expiry": None,
            "users_license_purchased": len(members(call.context)),
        },
        "hierarchy_preferences": {"type": "Role_Hierarchy", "strictly_reporting": False},
        "privacy_settings": False,
        "hipaa_compliance_enabled": False,
        "max_per_page": call.context.settings.max_page,
    }
    return json_response({"org": [described]})
