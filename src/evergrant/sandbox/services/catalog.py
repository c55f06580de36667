"""The services of the sandbox, and the little of each that it serves."""

from __future__ import annotations

from evergrant.sandbox.services import paging, refusals
from evergrant.sandbox.services.answers import Refusals
from evergrant.sandbox.services.resource_server import Listing, ResourceServer

__all__ = ["SERVERS"]

_EIGHT = frozenset({"us", "eu", "in", "au", "jp", "ca", "cn", "sa"})
_NINE = _EIGHT | {"ae"}
_ALL = _NINE | {"uk"}


def _books(
    name: str, version: str, area: str, org: str, records: str, scope: str
) -> ResourceServer:
    orgs = Listing("/organizations", "settings.READ", "organizations", "orgs")
    if name == "expense":
        orgs = Listing("/organizations", "orgsettings.READ", "organizations", "orgs")
    return ResourceServer(
        name, "", f"/{name}/{version}", _EIGHT, area, org, refusals.BOOKS,
        (orgs, Listing(f"/{records}", scope, records)),
        envelope={"code": 0, "message": "success"}, paging=paging.BOOKS,
        org_keys=("organization_id", "name"),
    )  # fmt: skip


def _plain(
    name: str,
    host: str,
    root: str,
    area: str,
    *listings: Listing,
    words: Refusals = refusals.COMMON,
    data_centers: frozenset[str] = _EIGHT,
    org: str = "",
    pages: paging.Paging = paging.UNPAGED,
) -> ResourceServer:
    return ResourceServer(
        name, host, root, data_centers, area, org, words, listings, paging=pages
    )  # fmt: skip


SERVERS = (
    _plain(
        "bigin", "", "/bigin/v2", "ZohoBigin",
        Listing("/org", "org.READ", "org", "orgs"), Listing("/Contacts", "modules.READ", "data"),
        words=refusals.CRM, org="token", pages=paging.CRM,
    ),
    _plain(
        "recruit", "recruit", "/recruit/v2", "ZohoRecruit",
        Listing("/users", "users.READ", "users", "me", params=("type",)),
        Listing("/Candidates", "modules.READ", "data"),
        words=refusals.CRM, org="token", data_centers=_NINE, pages=paging.CRM,
    ),
    _books("books", "v3", "ZohoBooks", "query:organization_id", "invoices", "invoices.READ"),
    _books("inventory", "v1", "ZohoInventory", "query:organization_id", "items", "items.READ"),
    _books(
        "invoice", "v3", "ZohoInvoice", "header:x-com-zoho-invoice-organizationid", "invoices",
        "invoices.READ",
    ),
    _books(
        "billing", "v1", "ZohoSubscriptions", "header:x-com-zoho-subscriptions-organizationid",
        "customers", "customers.READ",
    ),
    _books(
        "expense", "v1", "ZohoExpense", "header:x-com-zoho-expense-organizationid",
        "expensereports", "expensereport.READ",
    ),
    ResourceServer(
        "desk", "desk", "/api/v1", _NINE, "Desk", "grant:orgid", refusals.DESK,
        (
            Listing("/organizations", "basic.READ", "data", "orgs"),
            Listing("/tickets", "tickets.READ", "data"),
        ),
        paging=paging.DESK, org_keys=("id", "companyName"),
    ),
    ResourceServer(
        "analytics", "analyticsapi", "/restapi/v2", _EIGHT, "ZohoAnalytics",
        "header:zanalytics-orgid", refusals.ANALYTICS,
        (
            Listing("/orgs", "metadata.READ", "data.orgs", "orgs"),
            Listing("/workspaces/owned", "metadata.READ", "data.workspaces", name="workspaces"),
        ),
        envelope={"status": "success", "summary": "Get workspaces"},
        org_keys=("orgId", "orgName"),
    ),
    _plain(
        "creator", "", "/creator/v2.1", "ZohoCreator",
        Listing("/meta/applications", "dashboard.READ", "applications"),
        words=refusals.CREATOR, data_centers=_NINE,
    ),
    _plain(
        "mail", "mail", "/api", "ZohoMail", Listing("/accounts", "accounts.READ", "data", "me"),
        Listing("/accounts/{account}/messages/view", "messages.READ", "data", name="messages"),
        words=refusals.MAIL, pages=paging.MAIL,
    ),
    _plain(
        "calendar", "calendar", "/api/v1", "ZohoCalendar",
        Listing("/calendars", "calendar.READ", "calendars"), words=refusals.CALENDAR,
    ),
    _plain(
        "people", "people", "/people/api", "ZOHOPEOPLE",
        Listing("/forms", "forms.READ", "response.result"),
        Listing("/forms/employee/getRecords", "forms.READ", "response.result", name="employee"),
        org="token", pages=paging.PEOPLE,
        data_centers=frozenset({"us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk"}),
    ),
    ResourceServer(
        "projects", "projects", "/api/v3", _ALL, "ZohoProjects", "path", refusals.PROJECTS,
        (
            Listing("/portals", "portals.READ", "", "orgs"),
            Listing("/portal/{org}/projects", "projects.READ", ""),
        ),
        paging=paging.PROJECTS, org_keys=("id", "portal_name"),
    ),
    _plain(
        "workdrive", "", "/workdrive/api/v1", "WorkDrive",
        Listing("/users/me", "users.READ", "data", "me"),
        Listing("/files/{folder}/files", "files.READ", "data"),
        words=refusals.WORKDRIVE, data_centers=_NINE, pages=paging.WORKDRIVE,
    ),
    _plain(
        "sign", "sign", "/api/v1", "ZohoSign", Listing("/requests", "documents.READ", "requests"),
        words=refusals.SIGN,
        data_centers=frozenset({"us", "eu", "in", "au", "jp", "ca", "sa", "uk", "ae"}),
    ),
    _plain(
        "cliq", "cliq", "/api/v2", "ZohoCliq", Listing("/channels", "Channels.READ", "channels"),
        words=refusals.CLIQ, org="token",
        pages=paging.CLIQ,
    ),
    _plain(
        "campaigns", "campaigns", "/api/v1.1", "ZohoCampaigns",
        Listing("/getmailinglists", "contact.READ", "list_of_details",
                name="mailinglists", params=("resfmt",)),
        words=refusals.CAMPAIGNS,
    ),
    ResourceServer(
        "salesiq", "salesiq", "/api/v2", _EIGHT, "SalesIQ", "path", refusals.COMMON,
        (
            Listing("/portals", "portals.READ", "data", "orgs"),
            Listing("/{org}/visitors", "portals.READ", "data"),
        ),
        org_keys=("screenname", "name"),
    ),
    _plain(
        "bookings", "", "/bookings/v1/json", "zohobookings",
        Listing("/workspaces", "data.CREATE", "response.returnvalue.data"),
        words=refusals.BOOKINGS,
    ),
    _plain(
        "sheet", "sheet", "/api/v2", "ZohoSheet",
        Listing("/workbooks", "dataAPI.READ", "workbooks", method="POST", params=("method",)),
    ),
    _plain("writer", "", "/writer/api/v1", "ZohoWriter"),
    ResourceServer(
        "meeting", "meeting", "/api/v2", _EIGHT, "ZohoMeeting", "path", refusals.COMMON,
        (
            Listing("/user.json", "manageOrg.READ", "userDetails", "me"),
            Listing("/{org}/sessions.json", "manageOrg.READ", "session", name="sessions"),
        ),
    ),
    _plain(
        "assist", "assist", "/api/v2", "ZohoAssist",
        Listing("/user", "userapi.READ", "representation", "me"),
    ),
    ResourceServer(
        "sprints", "sprintsapi", "/zsapi", _EIGHT, "ZohoSprints", "path", refusals.COMMON,
        (
            Listing("/teams/", "teams.READ", "portals", "orgs"),
            Listing("/team/{org}/projects/", "teams.READ", "projectJObj"),
        ),
        org_keys=("zsoid", "teamName"),
    ),
    _plain("catalyst", "api.catalyst", "/baas/v1", "ZohoCatalyst", org="header:catalyst-org"),
)  # fmt: skip
