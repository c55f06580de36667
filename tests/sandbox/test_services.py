"""The resource servers of Zoho's services: who comes in, what is listed, and how they refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from evergrant._oauth.messages import HttpRequest
from evergrant.sandbox import Sandbox

ALICE = "alice@example.com"
INVOICES, TICKETS = "/books/v3/invoices", "/hosts/desk/api/v1/tickets"


def token_of(zoho: Sandbox, *scopes: str, email: str = ALICE) -> str:
    code = zoho.grant_code(email, scopes)
    client = zoho.client
    form = (
        f"grant_type=authorization_code&code={code}&client_id={client.client_id}"
        f"&client_secret={client.client_secret}"
    )
    home = zoho.data_center(zoho.user(email).data_center)
    sent = HttpRequest(
        "POST",
        f"{home.accounts_url}/oauth/v2/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        form.encode(),
    )
    return str(json.loads(zoho.send(sent).body)["access_token"])


def get(
    zoho: Sandbox, path: str, token: str | None = None, headers: Mapping[str, str] = {}
) -> tuple[int, object]:
    signed = {"Authorization": f"Zoho-oauthtoken {token}"} if token else {}
    answer = zoho.send(HttpRequest("GET", f"{zoho.url}{path}", {**headers, **signed}))
    try:
        return answer.status, json.loads(answer.body)
    except ValueError:
        return answer.status, answer.body.decode()


@pytest.mark.parametrize(
    ("path", "scope", "nothing", "bad", "no_scope"),
    [
        (INVOICES, "ZohoBooks.invoices.READ", (401, 14), (401, 57), (401, 57)),
        (TICKETS, "Desk.tickets.READ", (401, "UNAUTHORIZED"), (401, "INVALID_OAUTH"),
         (403, "SCOPE_MISMATCH")),
        ("/hosts/analyticsapi/restapi/v2/orgs", "ZohoAnalytics.metadata.READ",
         (400, "INVALID_TICKET"), (401, "INVALID_OAUTHTOKEN"), (401, "INVALID_OAUTHSCOPE")),
        ("/creator/v2.1/meta/applications", "ZohoCreator.dashboard.READ",
         (401, 1030), (401, 1030), (401, 1030)),
        ("/hosts/mail/api/accounts", "ZohoMail.accounts.READ",
         (400, "INVALID_TICKET"), (401, "INVALID_OAUTHTOKEN"), (401, "INVALID_OAUTHSCOPE")),
        ("/hosts/projects/api/v3/portals", "ZohoProjects.portals.READ",
         (401, "INVALID_TICKET"), (401, "INVALID_OAUTHTOKEN"), (401, "INVALID_OAUTHSCOPE")),
        ("/workdrive/api/v1/users/me", "WorkDrive.users.READ",
         (500, "INVALID_TICKET"), (401, "F7003"), (401, "F7004")),
        ("/hosts/sign/api/v1/requests", "ZohoSign.documents.READ",
         (401, 9031), (401, 9041), (401, 9040)),
        ("/hosts/campaigns/api/v1.1/getmailinglists", "ZohoCampaigns.contact.READ",
         (401, "1007"), (401, "1007"), (401, "1007")),
        ("/bookings/v1/json/workspaces", "zohobookings.data.CREATE",
         (400, "<html>"), (401, "<html>"), (401, "<html>")),
        ("/hosts/recruit/recruit/v2/Candidates", "ZohoRecruit.modules.READ",
         (401, "AUTHENTICATION_FAILURE"), (401, "INVALID_TOKEN"), (401, "OAUTH_SCOPE_MISMATCH")),
    ],
)  # fmt: skip
def test_each_refuses_in_its_own_words(
    zoho: Sandbox,
    path: str,
    scope: str,
    nothing: tuple[int, object],
    bad: tuple[int, object],
    no_scope: tuple[int, object],
) -> None:
    other = token_of(zoho, "ZohoCalendar.event.READ")
    for token, (status, code) in ((None, nothing), ("1000.no.no", bad), (other, no_scope)):
        got, body = get(zoho, path, token)
        assert got == status
        assert str(code) in (body if isinstance(body, str) else json.dumps(body))
    assert get(zoho, path, token_of(zoho, scope))[0] == 200


def test_a_wide_scope_covers_a_narrow_one(zoho: Sandbox) -> None:
    for scope in ("ZohoBooks.fullaccess.all", "ZohoBooks.invoices.ALL", "zohobooks.INVOICES.read"):
        assert get(zoho, INVOICES, token_of(zoho, scope))[0] == 200, scope
    assert get(zoho, INVOICES, token_of(zoho, "ZohoBooks.contacts.ALL"))[0] == 401


def test_the_org_must_be_the_users_and_in_desk_the_grants(zoho: Sandbox) -> None:
    mine = zoho.user(ALICE).orgs[0].zgid
    books = token_of(zoho, "ZohoBooks.invoices.READ")
    assert get(zoho, f"{INVOICES}?organization_id={mine}", books)[0] == 200
    assert get(zoho, f"{INVOICES}?organization_id=999", books)[0] == 401
    second = zoho.add_org("Second")
    zoho.join(ALICE, second)
    assert get(zoho, f"{INVOICES}?organization_id={second.zgid}", books)[0] == 200
    desk = token_of(zoho, "Desk.tickets.READ")
    assert get(zoho, TICKETS, desk, {"orgId": mine})[0] == 200
    status, body = get(zoho, TICKETS, desk, {"orgId": second.zgid})
    assert (status, body) == (
        403,
        {
            "errorCode": "OAUTH_ORG_MISMATCH",
            "message": "The OAuth Token is of another organization.",
        },
    )
    last = zoho.calls[-1]
    assert (last.service, last.org) == ("desk", second.zgid)


def test_pages_are_those_of_the_service(zoho: Sandbox) -> None:
    zoho.add_records("books", "invoices", [{"invoice_id": str(n)} for n in range(5)])
    zoho.add_records("desk", "tickets", [{"id": str(n)} for n in range(15)])
    books, desk = token_of(zoho, "ZohoBooks.invoices.READ"), token_of(zoho, "Desk.tickets.READ")
    _, body = get(zoho, f"{INVOICES}?page=2&per_page=3", books)
    assert body == {
        "code": 0,
        "message": "success",
        "invoices": [{"invoice_id": "3"}, {"invoice_id": "4"}],
        "page_context": {"page": 2, "per_page": 3, "has_more_page": False},
    }
    _, first = get(zoho, TICKETS, desk)
    assert isinstance(first, dict)
    assert len(first["data"]) == 10
    _, rest = get(zoho, f"{TICKETS}?from=10&limit=100", desk)
    assert rest == {"data": [{"id": str(n)} for n in range(10, 15)]}


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
