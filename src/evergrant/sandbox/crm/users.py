"""Users and the organisation: whom a token belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.crm_call import CrmCall, only
from evergrant.sandbox.crm.errors import CrmError
from evergrant.sandbox.crm.ids import Kind, make_id, user_id
from evergrant.sandbox.crm.if_modified_since import unmodified
from evergrant.sandbox.crm.paging import page_of
from evergrant.sandbox.crm.times import parse
from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.models import Org, User

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
_MOST_IDS = 100

REGULAR = "Regular User"
_OTHER_ACCOUNTS = (
    "Sandbox Developer User",
    "Team User",
    "Digital Employee",
    "Support User",
    "Client Portal User",
)
"""Kinds of accounts (zoho/crm-oas, getUsers); everybody in a sandbox org is a regular user."""


def list_users(call: CrmCall) -> Response:
    """GET /users: of one type, with some ids, or all; 304 when none since If-Modified-Since."""
    kind = call.choice("type", *_EVERYBODY, "CurrentUser", *_NOBODY)
    account = call.choice("type__s", REGULAR, *_OTHER_ACCOUNTS)
    context, page = call.context, page_of(call)
    found = [context.user] if kind == "CurrentUser" else []
    found = members(context) if kind in _EVERYBODY else found
    found = [user for user in found if account == REGULAR and _asked_for(call, user)]
    shown = page.cut(found)
    if not shown:
        return Response(204)
    if unmodified(call, parse(_JOINED)):
        return Response(304)
    return json_response({"users": _described(call, shown), "info": page.info(found)})


def one_user(call: CrmCall, wanted: str) -> Response:
    """GET /users/{id}."""
    found = user_with_id(call.context, wanted)
    if found is None:
        return Response(204)
    if unmodified(call, parse(_JOINED)):
        return Response(304)
    return json_response({"users": _described(call, [found])})


def _asked_for(call: CrmCall, user: User) -> bool:
    ids = call.params.get("ids")
    if ids is None:
        return True
    wanted = [text.strip() for text in ids.split(",")]
    if len(wanted) > _MOST_IDS:
        details = {"limit": _MOST_IDS, "param_name": "ids"}
        raise CrmError(400, "LIMIT_EXCEEDED", "limit exceeded", details)
    return user_id(call.context.org, user) in wanted


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


def _described(call: CrmCall, users: Iterable[User]) -> list[dict[str, Any]]:
    whole = _whole(call.context.org, users)
    return [only(call, user, "id") for user in whole]


def _whole(org: Org, users: Iterable[User]) -> list[dict[str, Any]]:
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
            **dict.fromkeys(_UNSET),
            "Reporting_To": None,
            "microsoft": False,
            "sandboxDeveloper": False,
            "type__s": REGULAR,
        }
        for user in users
    ]


_UNSET = ("phone", "mobile", "fax", "website", "street", "city", "state", "country", "zip", "dob")

_ORG_UNSET = (
    "alias",
    "city",
    "description",
    "fax",
    "mobile",
    "phone",
    "photo_id",
    "state",
    "street",
    "website",
    "zia_portal_id",
    "zip",
)
"""Keys of an org that zoho/crm-oas requires, and that a fresh org has no value for."""


def organisation(call: CrmCall) -> Response:
    """GET /org."""
    org, first = call.context.org, members(call.context)[0]
    described = {
        "id": make_id(org, Kind.SETTING, 1),
        "zgid": org.zgid,
        "company_name": org.name,
        **dict.fromkeys(_ORG_UNSET),
        "employee_count": str(len(members(call.context))),
        "mc_status": False,
        "gapps_enabled": False,
        "translation_enabled": False,
        "deletable_org_account": False,
        "lite_users_enabled": False,
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
            "trial_action": None,
            "users_license_purchased": len(members(call.context)),
            "portal_users_license_purchased": 0,
        },
        "hierarchy_preferences": {"type": "Role_Hierarchy", "strictly_reporting": False},
        "privacy_settings": False,
        "hipaa_compliance_enabled": False,
        "max_per_page": call.context.settings.max_page,
    }
    return json_response({"org": [described]})
