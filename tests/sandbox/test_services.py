"""The resource servers of Zoho's services: who comes in, what is listed, and how they refuse."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from evergrant._oauth.messages import HttpRequest
from evergrant.sandbox import Sandbox
from tests.support.sandbox.service_caller import ALICE, INVOICES, TICKETS, get, token_of

TICKET, DEAD = "INVALID_TICKET", "INVALID_OAUTHTOKEN"
NO_SCOPE, TOO_MANY = "INVALID_OAUTHSCOPE", "TOO_MANY_REQUESTS"
NOWHERE = (401, 57)
"""Books says no more than this of a dead token, a scope and a role."""


@pytest.mark.parametrize(
    ("path", "scope", "nothing", "bad", "no_scope", "no_role", "too_many"),
    [
        ("/bigin/v2/Contacts", "ZohoBigin.modules.READ", (401, "AUTHENTICATION_FAILURE"),
         (401, "INVALID_TOKEN"), (401, "OAUTH_SCOPE_MISMATCH"), (403, "NO_PERMISSION"),
         (429, TOO_MANY)),
        ("/hosts/recruit/recruit/v2/Candidates", "ZohoRecruit.modules.READ",
         (401, "AUTHENTICATION_FAILURE"), (401, "INVALID_TOKEN"), (401, "OAUTH_SCOPE_MISMATCH"),
         (403, "NO_PERMISSION"), (429, TOO_MANY)),
        (INVOICES, "ZohoBooks.invoices.READ", (401, 14), NOWHERE, NOWHERE, NOWHERE, (429, 44)),
        ("/inventory/v1/items", "ZohoInventory.items.READ", (401, 14), NOWHERE, NOWHERE, NOWHERE,
         (429, 44)),
        ("/invoice/v3/invoices", "ZohoInvoice.invoices.READ", (401, 14), NOWHERE, NOWHERE, NOWHERE,
         (429, 44)),
        ("/billing/v1/customers", "ZohoSubscriptions.customers.READ", (401, 14), NOWHERE, NOWHERE,
         NOWHERE, (429, 44)),
        ("/expense/v1/expensereports", "ZohoExpense.expensereport.READ", (401, 14), NOWHERE,
         NOWHERE, NOWHERE, (429, 44)),
        (TICKETS, "Desk.tickets.READ", (401, "UNAUTHORIZED"), (401, "INVALID_OAUTH"),
         (403, "SCOPE_MISMATCH"), (403, "FORBIDDEN"), (429, TOO_MANY)),
        ("/hosts/analyticsapi/restapi/v2/orgs", "ZohoAnalytics.metadata.READ",
         (400, 8518), (401, 8535), (401, 8540), (403, 7301), (429, TOO_MANY)),
        ("/creator/v2.1/meta/applications", "ZohoCreator.dashboard.READ",
         (401, 1030), (401, 1030), (401, 1030), (403, 1130), (429, 2955)),
        ("/hosts/mail/api/accounts", "ZohoMail.accounts.READ",
         (400, TICKET), (401, DEAD), (401, NO_SCOPE), (403, "ACCESS_DENIED"), (429, TOO_MANY)),
        ("/hosts/calendar/api/v1/calendars", "ZohoCalendar.calendar.READ",
         (400, TICKET), (401, DEAD), (401, NO_SCOPE), (403, "ACCESS_DENIED"), (429, TOO_MANY)),
        ("/hosts/projects/api/v3/portals", "ZohoProjects.portals.READ", (401, TICKET), (401, DEAD),
         (401, NO_SCOPE), (403, "UNAUTHORISED"), (400, "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED")),
        ("/workdrive/api/v1/users/me", "WorkDrive.users.READ",
         (500, TICKET), (401, "F7003"), (401, "F7004"), (403, "F000"), (429, "R001")),
        ("/hosts/sign/api/v1/requests", "ZohoSign.documents.READ",
         (401, 9031), (401, 9041), (401, 9040), (403, 4021), (429, 429)),
        ("/hosts/cliq/api/v2/channels", "ZohoCliq.Channels.READ", (401, "oauthtoken_invalid"),
         (401, "oauthtoken_invalid"), (401, "oauthtoken_scope_invalid"),
         (403, "operation_not_allowed"), (429, "too_many_requests")),
        ("/hosts/campaigns/api/v1.1/getmailinglists", "ZohoCampaigns.contact.READ",
         (401, "1007"), (401, "1007"), (401, "1007"), (401, "1007"), (429, "429")),
        ("/bookings/v1/json/workspaces", "zohobookings.data.CREATE",
         (400, "<html>"), (401, "<html>"), (401, "<html>"), (401, "<html>"), (429, "<html>")),
        *(
            (path, scope, (401, TICKET), (401, DEAD), (401, NO_SCOPE), (403, "ACCESS_DENIED"),
             (429, TOO_MANY))
            for path, scope in (
                ("/hosts/people/people/api/forms", "ZOHOPEOPLE.forms.READ"),
                ("/hosts/salesiq/api/v2/portals", "SalesIQ.portals.READ"),
                ("/hosts/meeting/api/v2/user.json", "ZohoMeeting.manageOrg.READ"),
                ("/hosts/assist/api/v2/user", "ZohoAssist.userapi.READ"),
                ("/hosts/sprintsapi/zsapi/teams/", "ZohoSprints.teams.READ"),
            )
        ),
    ],
)  # fmt: skip
def test_each_refuses_in_its_own_words(
    zoho: Sandbox,
    path: str,
    scope: str,
    nothing: tuple[int, object],
    bad: tuple[int, object],
    no_scope: tuple[int, object],
    no_role: tuple[int, object],
    too_many: tuple[int, object],
) -> None:
    def refused(token: str | None, words: tuple[int, object]) -> None:
        status, code = words
        got, body = get(zoho, path, token)
        assert got == status
        assert str(code) in (body if isinstance(body, str) else json.dumps(body))

    refused(None, nothing)
    refused("1000.no.no", bad)
    refused(token_of(zoho, "ZohoPayroll.all.READ"), no_scope)
    token = token_of(zoho, scope)
    assert get(zoho, path, token)[0] == 200
    service = zoho.calls[-1].service
    assert service is not None
    zoho.limit_calls(service, 2)
    refused(token, too_many)
    refused(token, too_many)
    assert get(zoho, path, token)[0] == 200
    zoho.clock.advance(hours=1)
    refused(token, bad)
    token = token_of(zoho, scope)
    zoho.deny_role(ALICE, service)
    refused(token, no_role)


@pytest.mark.parametrize(
    "path",
    ["/writer/api/v1/documents", "/hosts/api.catalyst/baas/v1/project/1", "/hosts/sheet/api/v2/x"],
)
def test_a_service_without_a_list_takes_no_bad_token_either(zoho: Sandbox, path: str) -> None:
    assert get(zoho, path)[0] == 401
    assert get(zoho, path, "1000.no.no")[0] == 401
    assert get(zoho, path, token_of(zoho, "ZohoWriter.documentEditor.ALL"))[0] == 501


def test_what_is_too_much_says_how_long_to_wait_where_zoho_does(zoho: Sandbox) -> None:
    for service, path, scope, wait in (
        ("books", INVOICES, "ZohoBooks.invoices.READ", "1800"),
        ("projects", "/hosts/projects/api/v3/portals", "ZohoProjects.portals.READ", "600"),
        ("desk", TICKETS, "Desk.tickets.READ", None),
    ):
        zoho.limit_calls(service)
        signed = {"Authorization": f"Zoho-oauthtoken {token_of(zoho, scope)}"}
        answer = zoho.send(HttpRequest("GET", f"{zoho.url}{path}", signed))
        assert answer.headers.get("retry-after") == wait


def test_a_wide_scope_covers_a_narrow_one(zoho: Sandbox) -> None:
    for scope in ("ZohoBooks.fullaccess.all", "ZohoBooks.invoices.ALL", "zohobooks.INVOICES.read"):
        assert get(zoho, INVOICES, token_of(zoho, scope))[0] == 200, scope
    assert get(zoho, INVOICES, token_of(zoho, "ZohoBooks.contacts.ALL"))[0] == 401


def test_the_org_must_be_the_users_and_in_desk_the_grants(zoho: Sandbox) -> None:
    mine = zoho.user(ALICE).orgs[0].zgid
    books = token_of(zoho, "ZohoBooks.invoices.READ")
    assert get(zoho, f"{INVOICES}?organization_id={mine}", books)[0] == 200
    assert get(zoho, INVOICES, books)[0] == 200
    assert get(zoho, f"{INVOICES}?organization_id=999", books) == (
        400,
        {
            "code": 6041,
            "message": "This user is not associated with the CompanyID/CompanyName:999.",
        },
    )
    second = zoho.add_org("Second")
    zoho.join(ALICE, second)
    status, body = get(zoho, INVOICES, books)
    assert (status, isinstance(body, dict) and body["code"]) == (400, 6024)
    assert get(zoho, "/books/v3/organizations", token_of(zoho, "ZohoBooks.settings.READ"))[0] == 200
    assert get(zoho, f"{INVOICES}?organization_id={second.zgid}", books)[0] == 200
    desk = token_of(zoho, "Desk.tickets.READ")
    assert get(zoho, TICKETS, desk, {"orgId": mine})[0] == 200
    status, body = get(zoho, TICKETS, desk, {"orgId": second.zgid})
    assert (status, body) == (
        403,
        {
            "errorCode": "OAUTH_ORG_MISMATCH",
            "message": "The OAuthToken is not valid for specified organization.",
        },
    )
    last = zoho.calls[-1]
    assert (last.service, last.org) == ("desk", second.zgid)


def test_mail_of_another_account_is_not_found(zoho: Sandbox) -> None:
    token = token_of(zoho, "ZohoMail.messages.READ")
    status, body = get(zoho, "/hosts/mail/api/accounts/123/messages/view", token)
    assert (status, "ACCOUNT_NOT_FOUND" in str(body)) == (404, True)


def test_a_filter_that_the_sandbox_does_not_have_is_told(zoho: Sandbox) -> None:
    desk = token_of(zoho, "Desk.tickets.READ")
    status, body = get(zoho, f"{TICKETS}?departmentId=7", desk)
    assert status == 501
    assert "The sandbox does not have this: parameter departmentId of desk" in str(body)
    with Sandbox(strict=False) as lenient:
        token = token_of(lenient, "Desk.tickets.READ")
        assert get(lenient, f"{TICKETS}?departmentId=7", token)[0] == 200
        assert lenient.calls.missing() == {"parameter departmentId of desk": 1}


def test_a_token_of_another_data_center_is_no_better_than_an_invented_one(zoho: Sandbox) -> None:
    carol = token_of(zoho, "Desk.tickets.READ", email="carol@example.eu")
    assert get(zoho, TICKETS, carol)[0] == 401
    eu = zoho.data_center("eu").product_url("desk")
    answer = zoho.send(
        HttpRequest("GET", f"{eu}/api/v1/tickets", {"Authorization": f"Zoho-oauthtoken {carol}"})
    )
    assert answer.status == 200


def test_a_wrong_address_is_told_as_zohos_and_a_missing_one_as_the_sandboxes(zoho: Sandbox) -> None:
    desk = token_of(zoho, "Desk.tickets.READ")
    status, body = get(zoho, "/hosts/desk/api/v2/tickets", desk)
    assert (status, isinstance(body, dict) and body["errorCode"]) == (404, "URL_NOT_FOUND")
    assert get(zoho, "/desk/api/v1/tickets", desk)[0] == 404
    status, body = get(zoho, "/hosts/desk/api/v1/articles", desk)
    assert status == 501
    assert "The sandbox does not have this: GET /articles of desk" in str(body)
    assert zoho.calls.missing() == {"GET /articles of desk": 1}
    with pytest.raises(ConnectionRefusedError, match="no host 'dekc'"):
        get(zoho, "/hosts/dekc/api/v1/tickets", desk)


def test_a_service_is_only_in_its_data_centers() -> None:
    with Sandbox(data_centers=("cn", "us")) as zoho:
        assert get(zoho, TICKETS)[0] == 401
        with pytest.raises(ConnectionRefusedError, match="no host 'sign' in 'cn'"):
            get(zoho, "/hosts/sign/api/v1/requests")


def test_without_an_account_consent_ends_with_no_org(zoho: Sandbox) -> None:
    zoho.add_user("erin@example.com", services=("books", "desk"))
    for scope, error in (
        ("ZohoCRM.modules.ALL", "no_org"),
        ("Desk.tickets.READ,ZohoRecruit.modules.READ", "no_org"),
        ("Desk.tickets.READ,ZohoBooks.invoices.READ", None),
    ):
        back = zoho.consent(
            f"{zoho.url}/oauth/v2/auth?response_type=code&client_id={zoho.client.client_id}"
            f"&redirect_uri=http://127.0.0.1:1/callback&scope={scope}&state=s",
            user="erin@example.com",
        )
        query = parse_qs(urlsplit(back).query)
        assert query.get("error", [None])[0] == error, scope
        assert query["state"] == ["s"]
    mail = token_of(zoho, "ZohoMail.accounts.READ", email="erin@example.com")
    assert get(zoho, "/hosts/mail/api/accounts", mail)[0] == 403


def test_a_misspelt_service_is_refused(zoho: Sandbox) -> None:
    for service, why in (
        ("dsek", "no service 'dsek': use one of crm, bigin"),
        ("crm", "for the CRM"),
    ):
        with pytest.raises(ValueError, match=why):
            zoho.limit_calls(service)
        with pytest.raises(ValueError, match=why):
            zoho.deny_role(ALICE, service)
    with pytest.raises(ValueError, match="no service 'dsek'"):
        zoho.add_user("erin@example.com", services=["desk", "dsek"])
    assert "erin@example.com" not in {user.email for user in zoho.users}


def test_a_test_declares_more_lists(zoho: Sandbox) -> None:
    for service, path, scope, at, key in (
        ("desk", "/articles", "Desk.articles.READ", "/hosts/desk/api/v1/articles", "data"),
        ("books", "/contacts", "ZohoBooks.contacts.READ", "/books/v3/contacts", "contacts"),
        ("creator", "/data/{owner}/{app}/report/All", "ZohoCreator.report.READ",
         "/creator/v2.1/data/me/shop/report/All", "data"),
    ):  # fmt: skip
        token = token_of(zoho, scope)
        assert get(zoho, at, token)[0] == 501
        zoho.add_list(service, path, scope, key="data" if service == "creator" else None)
        name = path.rpartition("/")[2]
        zoho.add_records(service, name, [{"id": "1"}])
        status, body = get(zoho, at, token)
        assert (status, isinstance(body, dict) and body[key]) == (200, [{"id": "1"}])
        assert get(zoho, at, token_of(zoho, "ZohoMail.accounts.READ"))[0] in (401, 403)
    zoho.add_list("desk", "/articles", "Desk.articles.READ", key="items", name="texts")
    zoho.add_records("desk", "texts", [{"id": "2"}])
    assert get(zoho, "/hosts/desk/api/v1/articles", token_of(zoho, "Desk.articles.ALL")) == (
        200,
        {"items": [{"id": "2"}]},
    )


@pytest.mark.parametrize(
    ("service", "path", "scope", "why"),
    [
        ("dsek", "/articles", "Desk.articles.READ", "no service 'dsek'"),
        ("desk", "articles", "Desk.articles.READ", "path 'articles' is not a path below /api/v1"),
        ("desk", "/a b", "Desk.articles.READ", "path '/a b' is not"),
        ("desk", "/articles", "ZohoBooks.contacts.READ", "has not the form Desk.name.READ"),
        ("desk", "/articles", "Desk.articles", "has not the form Desk.name.READ"),
    ],
)
def test_a_list_that_cannot_be_is_refused(
    zoho: Sandbox, service: str, path: str, scope: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        zoho.add_list(service, path, scope, key="data" if service == "creator" else None)
