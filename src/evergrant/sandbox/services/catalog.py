"""The services of the sandbox, and the little of each that it serves."""

from __future__ import annotations

from evergrant.sandbox.services import refusals
from evergrant.sandbox.services.refusals import Refusals
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
        envelope={"code": 0, "message": "success"}, paging="page_context",
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
) -> ResourceServer:
    return ResourceServer(name, host, root, data_centers, area, org, words, listings)


SERVERS = (
    _plain(
        "bigin", "", "/bigin/v2", "ZohoBigin",
        Listing("/org", "org.READ", "org", "orgs"), Listing("/Contacts", "modules.READ", "data"),
        words=refusals.CRM, org="token",
    ),
    _plain(
        "recruit", "recruit", "/recruit/v2", "ZohoRecruit",
        Listing("/users", "users.READ", "users", "me"),
        Listing("/Candidates", "modules.READ", "data"),
        words=refusals.CRM, org="token", data_centers=_NINE,
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
        paging="from", org_keys=("id", "companyName"),
    ),
    ResourceServer(
        "analytics", "analyticsapi", "/restapi/v2", _EIGHT, "ZohoAnalytics",
        "header:zanalytics-orgid", refusals.ANALYTICS,
        (
            Listing("/orgs", "metadata.READ", "data.orgs", "orgs"),
            Listing("/workspaces/owned", "metadata.READ", "data.workspaces"),
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
        words=refusals.MAIL,
    ),
    _plain(
        "calendar", "calendar", "/api/v1", "ZohoCalendar",
        Listing("/calendars", "calendar.READ", "calendars"), words=refusals.CALENDAR,
    ),
    _plain(
        "people", "people", "/people/api", "ZOHOPEOPLE",
        Listing("/forms", "forms.READ", "response.result"), org="token",
        data_centers=frozenset({"us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk"}),
    ),
    ResourceServer(
        "projects", "projects", "/api/v3", _ALL, "ZohoProjects", "path", refusals.PROJECTS,
        (
            Listing("/portals", "portals.READ", "", "orgs"),
            Listing("/portal/{org}/projects", "projects.READ", ""),
        ),
        paging="page", org_keys=("id", "portal_name"),
    ),
    _plain(
        "workdrive", "", "/workdrive/api/v1", "WorkDrive",
        Listing("/users/me", "users.READ", "data", "me"),
        words=refusals.WORKDRIVE, data_centers=_NINE,
    ),
    _plain(
        "sign", "sign", "/api/v1", "ZohoSign", Listing("/requests", "documents.READ", "requests"),
        words=refusals.SIGN,
        data_centers=frozenset({"us", "eu", "in", "au", "jp", "ca", "sa", "uk", "ae"}),
    ),
    _plain(
        "cliq", "cliq", "/api/v2", "ZohoCliq", Listing("/channels", "Channels.READ", "channels"),
        words=refusals.CLIQ, org="token",
    ),
    _plain(
        "campaigns", "campaigns", "/api/v1.1", "ZohoCampaigns",
        Listing("/getmailinglists", "contact.READ", "list_of_details"), words=refusals.CAMPAIGNS,
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
        Listing("/workbooks", "dataAPI.READ", "workbooks", method="POST"),
    ),
    _plain("writer", "", "/writer/api/v1", "ZohoWriter"),
    ResourceServer(
        "meeting", "meeting", "/api/v2", _EIGHT, "ZohoMeeting", "path", refusals.COMMON,
        (
            Listing("/user.json", "manageOrg.READ", "userDetails", "me"),
            Listing("/{org}/sessions.json", "manageOrg.READ", "session"),
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
