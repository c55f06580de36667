"""The table of Zoho's services.

Sources: each service's API pages (https://www.zoho.com/books/api/v3/, https://desk.zoho.com/
DeskAPIDocument, https://www.zoho.com/analytics/api/v2/, …), Zoho's OpenAPI files
(https://github.com/zoho/analytics-oas), and answers to requests without a token and with an
invented one, collected for every data center in https://github.com/w6w-io/w6w-apps. Where a data
center is missing here, no source shows the service in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from evergrant.errors import ConfigError
from evergrant.services.pages import Pages
from evergrant.services.refusal import PAGE
from evergrant.services.service import ErrorCodes, Org, Probe, Service

__all__ = ["SERVICES", "find_service"]

_EIGHT = ("us", "eu", "in", "au", "jp", "ca", "cn", "sa")
_NINE = (*_EIGHT, "ae")
_ALL = (*_EIGHT, "uk", "ae")

_IN_TOKEN = Org("token")
_BY_CALLER = Org("caller")
_CRM_ORG = Org("token", "", "/org", "org", "zgid", "company_name")

_CRM_CODES = ErrorCodes(
    dead_token=("INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"),
    missing_scope=("OAUTH_SCOPE_MISMATCH",),
    rate_limit=("TOO_MANY_REQUESTS",),
)
_BOOKS_CODES = ErrorCodes(dead_token=("14",), rate_limit=("44", "45", "1070"), unclear=("57",))
"""Code 57 is a dead token, a missing scope, and a role: https://www.zoho.com/books/api/v3/errors/.
44 is the limit of a minute, 45 that of a day, 1070 that of requests under way."""

_OAUTHTOKEN_CODES = ErrorCodes(
    dead_token=("INVALID_OAUTHTOKEN",), missing_scope=("INVALID_OAUTHSCOPE",)
)
_UNKNOWN_CODES = ErrorCodes(dead_token=("INVALID_OAUTHTOKEN", "INVALID_TOKEN"), is_known=False)


_CRM_PAGES = Pages(
    "page", "per_page", 200, more_key="info.more_records",
    token_key="info.next_page_token", token_parameter="page_token",  # noqa: S106 - names
)  # fmt: skip
"""https://www.zoho.com/crm/developer/docs/api/v8/get-records.html: by token beyond 2,000."""

_BOOKS_PAGES = Pages("page", "per_page", 200, more_key="page_context.has_more_page")
"""https://zoho.com/books/api/v3/pagination, and the same page of the others of the family."""


def _of_books(name: str, title: str, version: str, org: Org, prefix: str, full: str) -> Service:
    """Return a service of the family of Books, which share their answers."""
    probe = Probe("/organizations", f"{prefix}settings.READ")
    if name == "expense":
        probe = Probe("/organizations", "ZohoExpense.orgsettings.READ")
    return Service(
        name, title, "", f"/{name}/{version}", _EIGHT, org, prefix, (full,), probe, _BOOKS_CODES,
        pages=_BOOKS_PAGES,
    )  # fmt: skip


def _books_org(travels: str, name: str) -> Org:
    where = "query" if travels == "query" else "header"
    return Org(where, name, "/organizations", "organizations", "organization_id")  # type: ignore[arg-type]


_SERVICES = (
    Service(
        "crm", "Zoho CRM", "", "/crm/v8", _ALL, _CRM_ORG, "ZohoCRM.",
        ("ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"),
        Probe("/org", "ZohoCRM.org.READ"), _CRM_CODES, pages=_CRM_PAGES,
    ),
    Service(
        "bigin", "Bigin by Zoho CRM", "", "/bigin/v2", _EIGHT, _CRM_ORG, "ZohoBigin.",
        ("ZohoBigin.modules.ALL", "ZohoBigin.org.READ"), Probe("/org", "ZohoBigin.org.READ"),
        _CRM_CODES, pages=_CRM_PAGES,
    ),
    Service(
        "recruit", "Zoho Recruit", "recruit", "/recruit/v2", _NINE, _IN_TOKEN, "ZohoRecruit.",
        ("ZohoRecruit.modules.ALL", "ZohoRecruit.users.READ"),
        Probe("/users?type=CurrentUser", "ZohoRecruit.users.READ"), _CRM_CODES, pages=_CRM_PAGES,
    ),
    _of_books("books", "Zoho Books", "v3", _books_org("query", "organization_id"), "ZohoBooks.",
              "ZohoBooks.fullaccess.all"),
    _of_books("inventory", "Zoho Inventory", "v1", _books_org("query", "organization_id"),
              "ZohoInventory.", "ZohoInventory.FullAccess.all"),
    _of_books("invoice", "Zoho Invoice", "v3",
              _books_org("header", "X-com-zoho-invoice-organizationid"),
              "ZohoInvoice.", "ZohoInvoice.fullaccess.all"),
    _of_books("billing", "Zoho Billing", "v1",
              _books_org("header", "X-com-zoho-subscriptions-organizationid"),
              "ZohoSubscriptions.", "ZohoSubscriptions.fullaccess.all"),
    _of_books("expense", "Zoho Expense", "v1",
              _books_org("header", "X-com-zoho-expense-organizationid"),
              "ZohoExpense.", "ZohoExpense.fullaccess.ALL"),
    Service(
        "desk", "Zoho Desk", "desk", "/api/v1", _NINE,
        Org("header", "orgId", "/organizations", "data", "id", "companyName"), "Desk.",
        ("Desk.tickets.ALL", "Desk.contacts.READ", "Desk.basic.READ"),
        Probe("/organizations", "Desk.basic.READ"),
        ErrorCodes(
            dead_token=("INVALID_OAUTH", "UNAUTHORIZED"), missing_scope=("SCOPE_MISMATCH",),
            rate_limit=("THRESHOLD_EXCEEDED", "TOO_MANY_REQUESTS"),
        ),
        pages=Pages("from", "limit", 100, first=0, by_item=True),
    ),
    Service(
        "analytics", "Zoho Analytics", "analyticsapi", "/restapi/v2", _EIGHT,
        Org("header", "ZANALYTICS-ORGID", "/orgs", "data.orgs", "orgId", "orgName"),
        "ZohoAnalytics.", ("ZohoAnalytics.fullaccess.all",),
        Probe("/workspaces/owned", "ZohoAnalytics.metadata.read"),
        ErrorCodes(dead_token=("8535", "INVALID_OAUTHTOKEN"), missing_scope=("8540",)),
    ),
    Service(
        "creator", "Zoho Creator", "", "/creator/v2.1", _NINE, _BY_CALLER, "ZohoCreator.",
        ("ZohoCreator.dashboard.READ", "ZohoCreator.report.READ"),
        Probe("/meta/applications", "ZohoCreator.dashboard.READ"),
        ErrorCodes(rate_limit=("2955",), unclear=("1030",)),
    ),
    Service(
        "mail", "Zoho Mail", "mail", "/api", _EIGHT, _BY_CALLER, "ZohoMail.",
        ("ZohoMail.accounts.READ", "ZohoMail.messages.READ"),
        Probe("/accounts", "ZohoMail.accounts.READ"), _OAUTHTOKEN_CODES,
        pages=Pages("start", "limit", 200, by_item=True),
    ),
    Service(
        "calendar", "Zoho Calendar", "calendar", "/api/v1", _EIGHT, _BY_CALLER, "ZohoCalendar.",
        ("ZohoCalendar.calendar.READ", "ZohoCalendar.event.READ"),
        Probe("/calendars", "ZohoCalendar.calendar.READ"), _OAUTHTOKEN_CODES,
    ),
    Service(
        "people", "Zoho People", "people", "/people/api",
        ("us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk"), _IN_TOKEN, "ZOHOPEOPLE.",
        ("ZOHOPEOPLE.forms.READ",), Probe("/forms", "ZOHOPEOPLE.forms.READ"), _UNKNOWN_CODES,
        pages=Pages("sIndex", "limit", 200, by_item=True),
    ),
    Service(
        "projects", "Zoho Projects", "projects", "/api/v3", _ALL,
        Org("path", "/portal/{org}", "/portals", "", "id", "portal_name"), "ZohoProjects.",
        ("ZohoProjects.portals.READ", "ZohoProjects.projects.READ"),
        Probe("/portals", "ZohoProjects.portals.READ"),
        replace(_OAUTHTOKEN_CODES, rate_limit=("URL_ROLLING_THROTTLES_LIMIT_EXCEEDED",)),
        other_products=("projectsapi",),
        pages=Pages("page", "per_page", 100, more_key="page_info.has_next_page"),
    ),
    Service(
        "workdrive", "Zoho WorkDrive", "", "/workdrive/api/v1", _NINE, _BY_CALLER, "WorkDrive.",
        ("WorkDrive.users.READ", "WorkDrive.files.READ"),
        Probe("/users/me", "WorkDrive.users.READ", accept="application/vnd.api+json"),
        ErrorCodes(dead_token=("F7003",), missing_scope=("F7004",)),
        other_products=("workdrive", "download"),
        pages=Pages(
            "page[offset]", "page[limit]", 50, first=0, by_item=True,
            more_key="links.cursor.has_next",
        ),
    ),
    Service(
        "sign", "Zoho Sign", "sign", "/api/v1",
        ("us", "eu", "in", "au", "jp", "ca", "sa", "uk", "ae"), _BY_CALLER, "ZohoSign.",
        ("ZohoSign.documents.READ",), Probe("/requests", "ZohoSign.documents.READ"),
        ErrorCodes(dead_token=("9041",), missing_scope=("9040",)),
    ),
    Service(
        "cliq", "Zoho Cliq", "cliq", "/api/v2", _EIGHT, _IN_TOKEN, "ZohoCliq.",
        ("ZohoCliq.Channels.READ",), Probe("/channels", "ZohoCliq.Channels.READ"),
        ErrorCodes(
            dead_token=("INVALID_OAUTHTOKEN", "oauthtoken_invalid"),
            missing_scope=("oauthtoken_scope_invalid",), is_known=False,
        ),
    ),
    Service(
        "campaigns", "Zoho Campaigns", "campaigns", "/api/v1.1", _EIGHT, _BY_CALLER,
        "ZohoCampaigns.", ("ZohoCampaigns.contact.READ",),
        Probe("/getmailinglists?resfmt=JSON", "ZohoCampaigns.contact.READ"),
        ErrorCodes(unclear=("1007",)),
    ),
    Service(
        "salesiq", "Zoho SalesIQ", "salesiq", "/api/v2", _EIGHT,
        Org("path", "/{org}", "/portals", "data", "screenname", "name"), "SalesIQ.",
        ("SalesIQ.portals.READ",), Probe("/portals", "SalesIQ.portals.READ"), _UNKNOWN_CODES,
    ),
    Service(
        "bookings", "Zoho Bookings", "", "/bookings/v1/json", _EIGHT, _BY_CALLER, "zohobookings.",
        ("zohobookings.data.CREATE",), Probe("/workspaces", "zohobookings.data.CREATE"),
        ErrorCodes(unclear=(PAGE,)),
    ),
    Service(
        "sheet", "Zoho Sheet", "sheet", "/api/v2", _EIGHT, _BY_CALLER, "ZohoSheet.",
        ("ZohoSheet.dataAPI.READ",),
        Probe("/workbooks?method=workbook.list", "ZohoSheet.dataAPI.READ", method="POST"),
        _UNKNOWN_CODES,
    ),
    Service(
        "writer", "Zoho Writer", "", "/writer/api/v1", _EIGHT, _BY_CALLER, "ZohoWriter.",
        ("ZohoWriter.documentEditor.ALL",), None, _UNKNOWN_CODES,
    ),
    Service(
        "meeting", "Zoho Meeting", "meeting", "/api/v2", _EIGHT,
        Org("path", "/{org}", "/user.json", "userDetails", "zsoid", "zsoid"), "ZohoMeeting.",
        ("ZohoMeeting.manageOrg.READ",), Probe("/user.json", "ZohoMeeting.manageOrg.READ"),
        _UNKNOWN_CODES,
    ),
    Service(
        "assist", "Zoho Assist", "assist", "/api/v2", _EIGHT, _BY_CALLER, "ZohoAssist.",
        ("ZohoAssist.userapi.READ",), Probe("/user", "ZohoAssist.userapi.READ"),
        ErrorCodes(unclear=("1009",), is_known=False),
    ),
    Service(
        "sprints", "Zoho Sprints", "sprintsapi", "/zsapi", _EIGHT,
        Org("path", "/team/{org}", "/teams/", "portals", "zsoid", "teamName"), "ZohoSprints.",
        ("ZohoSprints.teams.READ",), Probe("/teams/", "ZohoSprints.teams.READ"), _UNKNOWN_CODES,
    ),
    Service(
        "catalyst", "Zoho Catalyst", "api.catalyst", "/baas/v1", _EIGHT,
        Org("header", "CATALYST-ORG"), "ZohoCatalyst.", (), None, _UNKNOWN_CODES,
    ),
)  # fmt: skip

SERVICES: Mapping[str, Service] = MappingProxyType({one.name: one for one in _SERVICES})
"""Every service in the table, by its name."""

_OTHER_NAMES = {"subscriptions": "billing", "zohopeople": "people", "crmplus": "crm"}


def find_service(name: str | Service) -> Service:
    """Return a service of the table by its name, such as ``books`` or ``Zoho Books``.

    Args:
        name: A `Service` of your own is returned as it is.

    Raises:
        ConfigError: There is no such service in the table.
    """
    if isinstance(name, Service):
        return name
    key = name.strip().lower().removeprefix("zoho").strip().replace(" ", "")
    found = SERVICES.get(_OTHER_NAMES.get(key, key))
    if found is None:
        raise ConfigError(
            f"no service {name[:50]!r} is in the table",
            hint=f"Use one of: {', '.join(SERVICES)}. Or give a Service of your own.",
        )
    return found
