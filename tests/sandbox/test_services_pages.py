"""Each service pages its lists in its own way."""

from __future__ import annotations

import pytest

from evergrant.sandbox import Sandbox
from evergrant.services.pages import items_in
from tests.support.sandbox.service_caller import ALICE, INVOICES, TICKETS, get, token_of


@pytest.mark.parametrize(
    ("service", "name", "path", "scope", "pages", "said"),
    [
        ("books", "invoices", INVOICES, "ZohoBooks.invoices.READ",
         ("per_page=2", "per_page=2&page=2", "per_page=2&page=3"),
         {"page_context": {"page": 3, "per_page": 2, "has_more_page": False}}),
        ("bigin", "Contacts", "/bigin/v2/Contacts", "ZohoBigin.modules.READ",
         ("per_page=2", "per_page=2&page=2", "per_page=2&page=3"),
         {"info": {"page": 3, "per_page": 2, "count": 1, "more_records": False}}),
        ("desk", "tickets", TICKETS, "Desk.tickets.READ",
         ("limit=2", "from=2&limit=2", "from=4&limit=2"), {}),
        ("mail", "messages", "/hosts/mail/api/accounts/ZUID/messages/view",
         "ZohoMail.messages.READ", ("limit=2", "start=3&limit=2", "start=5&limit=2"), {}),
        ("people", "employee", "/hosts/people/people/api/forms/employee/getRecords",
         "ZOHOPEOPLE.forms.READ", ("limit=2", "sIndex=3&limit=2", "sIndex=5&limit=2"), {}),
        ("workdrive", "files", "/workdrive/api/v1/files/abc/files", "WorkDrive.files.READ",
         ("page%5Blimit%5D=2", "page%5Boffset%5D=2&page%5Blimit%5D=2",
          "page%5Boffset%5D=4&page%5Blimit%5D=2"), {}),
        ("cliq", "channels", "/hosts/cliq/api/v2/channels", "ZohoCliq.Channels.READ",
         ("limit=2", "limit=2&next_token=2", "limit=2&next_token=4"), {}),
        ("projects", "projects", "/hosts/projects/api/v3/portal/ZGID/projects",
         "ZohoProjects.projects.READ",
         ("per_page=2", "per_page=2&page=2", "per_page=2&page=3"), None),
    ],
)  # fmt: skip
def test_pages_are_those_of_the_service(
    zoho: Sandbox,
    service: str,
    name: str,
    path: str,
    scope: str,
    pages: tuple[str, ...],
    said: dict[str, object] | None,
) -> None:
    zoho.add_records(service, name, [{"id": str(number)} for number in range(5)])
    token, alice = token_of(zoho, scope), zoho.user(ALICE)
    path = path.replace("ZUID", alice.zuid).replace("ZGID", alice.orgs[0].zgid)
    bodies = [get(zoho, f"{path}?{page}", token)[1] for page in pages]
    assert [items_in(body) for body in bodies] == [
        [{"id": "0"}, {"id": "1"}],
        [{"id": "2"}, {"id": "3"}],
        [{"id": "4"}],
    ]
    if said is not None:
        assert isinstance(bodies[-1], dict)
        assert {key: bodies[-1].get(key) for key in said} == said
        assert ("next_token" in bodies[-1]) is False
    if service == "cliq":
        assert isinstance(bodies[0], dict)
        assert bodies[0]["next_token"] == "2"


def test_pages_have_the_size_of_the_service(zoho: Sandbox) -> None:
    zoho.add_records("desk", "tickets", [{"id": str(n)} for n in range(150)])
    desk = token_of(zoho, "Desk.tickets.READ")
    for query, count in (("", 10), ("?limit=1000", 100), ("?limit=0", 1), ("?limit=x&from=-1", 10),
                         (f"?from={'9' * 5000}", 10), ("?from=999", 0)):  # fmt: skip
        assert len(items_in(get(zoho, TICKETS + query, desk)[1])) == count, query
