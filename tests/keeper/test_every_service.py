"""Every service in every data center: logged in, called, expired, called again, ended.

The client's table of services and the sandbox's are two: what one has wrong shows here.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from evergrant import ZOHO, Accounts, Keeper, open_store
from evergrant.errors import ConfigError, EvergrantError, UntrustedServer
from evergrant.sandbox import Sandbox
from evergrant.services import SERVICES, Refusal, Service
from evergrant.services.pages import items_in
from evergrant.testing.in_process_transport import in_process_transport

EVERY = [service for service in SERVICES.values() if service.probe is not None]
"""The first is the CRM, whose roles are tested with it."""


@pytest.fixture(scope="module")
def world() -> Iterator[Sandbox]:
    """A Zoho with all its data centers, and a person in each."""
    with Sandbox(data_centers=ZOHO.codes) as zoho:
        for code in ZOHO.codes:
            zoho.add_user(f"dora@{code}.example", data_center=code)
        yield zoho


@pytest.fixture(scope="module")
def accounts(world: Sandbox) -> Iterator[Accounts]:
    client = world.client
    with Accounts(
        client.client_id,
        client.client_secret,
        data_centers=world.data_centers,
        clock=world.clock,
        send=in_process_transport(world),
    ) as made:
        yield made


@pytest.fixture(scope="module")
def keeper(accounts: Accounts) -> Iterator[Keeper]:
    with open_store("memory:") as store, Keeper(store, accounts) as keeper:
        yield keeper


def log_in(world: Sandbox, keeper: Keeper, service: Service, code: str, key: str) -> None:
    world.clock.advance(minutes=11)  # or they would be too many logins in ten minutes
    email = f"dora@{code}.example"
    scopes = {*service.default_scopes, *([service.probe.scope] if service.probe else [])}
    grant = world.grant_code(email, sorted(scopes), self_client=True)
    keeper.login_with_code(grant, key, data_center=code)


def client_of(
    world: Sandbox, keeper: Keeper, key: str, service: Service, code: str, org: str | None = None
) -> httpx2.Client:
    person = world.user(f"dora@{code}.example")
    if org is None and service.org.travels in ("header", "query"):
        org = person.orgs[0].zgid

    def send(request: httpx2.Request) -> httpx2.Response:
        body = b"".join(request.stream) if request.method != "GET" else b""  # type: ignore[arg-type]
        answer = world.send(_Call(request, body))
        return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    return keeper.client(key, service=service, org=org, transport=httpx2.MockTransport(send))


class _Call:
    def __init__(self, request: httpx2.Request, body: bytes) -> None:
        self.method, self.url = request.method, str(request.url)
        self.headers, self.body = request.headers, body


@pytest.mark.parametrize("service", EVERY, ids=lambda service: service.name)
def test_a_service_is_called_where_it_is_and_nowhere_else(
    world: Sandbox, keeper: Keeper, service: Service
) -> None:
    assert service.probe is not None
    for code in ZOHO.codes:
        key = f"{service.name} in {code}"
        log_in(world, keeper, service, code, key)
        world.calls.clear()
        if code not in service.data_centers:
            with pytest.raises(ConfigError, match="not known to be in"):
                client_of(world, keeper, key, service, code)
            assert len(world.calls) == 0
            continue
        client = client_of(world, keeper, key, service, code)
        probe = service.probe
        headers = {"Accept": probe.accept} if probe.accept else {}
        first = client.request(probe.method, probe.path, headers=headers)
        assert first.status_code == 200, (code, first.text)
        world.clock.advance(hours=1)
        second = client.request(probe.method, probe.path, headers=headers)
        assert second.status_code == 200, (code, second.text)
        orgs = world.user(f"dora@{code}.example").orgs
        for call in world.calls:
            assert call.data_center == code
            assert call.status == 200
            assert call.missing is None
            if call.path != "/oauth/v2/token":
                assert call.service == service.name
                assert call.org in (None, orgs[0].zgid)
                named = service.org.travels in ("header", "query")
                assert (call.org is not None) == named
        assert world.calls.count(grant_type="refresh_token") == 1
        keeper.revoke(key)
        with pytest.raises(EvergrantError):
            keeper.access_token(key)


@pytest.mark.parametrize("service", EVERY, ids=lambda service: service.name)
def test_a_token_of_mid_life_that_a_service_rejects_is_refreshed_once(
    world: Sandbox, keeper: Keeper, service: Service
) -> None:
    assert service.probe is not None
    code, key = "us", f"{service.name}, rejected"
    log_in(world, keeper, service, code, key)
    world.expire_access_tokens("dora@us.example")
    world.calls.clear()
    client = client_of(world, keeper, key, service, code)
    answer = client.request(service.probe.method, service.probe.path)
    assert answer.status_code == 200, answer.text
    assert world.calls.count(grant_type="refresh_token") == 1
    keeper.forget(key)


@pytest.mark.parametrize("service", EVERY[1:], ids=lambda service: service.name)
def test_what_a_role_or_scope_forbids_costs_one_refresh_at_most_and_ends_no_grant(
    world: Sandbox, keeper: Keeper, accounts: Accounts, service: Service
) -> None:
    """Two programs that share a store, twenty calls each."""
    assert service.probe is not None
    email, key = f"{service.name}@role.example", f"{service.name}, forbidden"
    world.add_user(email, data_center="us")
    scopes = [service.probe.scope]
    keeper.login_with_code(world.grant_code(email, scopes, self_client=True), key)
    world.deny_role(email, service.name)
    world.calls.clear()
    with Keeper(keeper.store, accounts) as other:
        for one in (keeper, other):
            client = client_of(world, one, key, service, "us")
            for _ in range(20):
                answer = client.request(service.probe.method, service.probe.path)
                assert answer.status_code in (401, 403)
    assert world.calls.count(grant_type="refresh_token") <= 1
    assert keeper.access_token(key).startswith("1000.")
    keeper.forget(key)


def test_a_request_to_another_service_carries_no_token(world: Sandbox, keeper: Keeper) -> None:
    log_in(world, keeper, SERVICES["books"], "us", "carries")
    home = world.data_center("us")
    client = client_of(world, keeper, "carries", SERVICES["books"], "us")
    world.calls.clear()
    for url in (
        f"{home.api_url}/inventory/v1/items",
        f"{home.api_url}/crm/v8/Leads",
        f"{home.api_url}/hosts/desk/api/v1/tickets",
        f"{world.data_center('eu').api_url}/books/v3/invoices",
        f"{home.accounts_url}/oauth/v2/token",
        "https://www.zohoapis.com/books/v3/invoices",
    ):
        with pytest.raises(UntrustedServer):
            client.get(url)
    assert len(world.calls) == 0
    keeper.forget("carries")


@pytest.mark.parametrize("service", EVERY[1:], ids=lambda service: service.name)
def test_a_call_too_many_is_told_as_that_and_costs_no_refresh(
    world: Sandbox, keeper: Keeper, service: Service
) -> None:
    assert service.probe is not None
    key = f"{service.name}, too many"
    log_in(world, keeper, service, "us", key)
    client = client_of(world, keeper, key, service, "us")
    world.calls.clear()
    world.limit_calls(service.name)
    answer = client.request(service.probe.method, service.probe.path)
    assert service.refusal(answer.status_code, answer.content) is Refusal.RATE_LIMIT
    assert client.request(service.probe.method, service.probe.path).status_code == 200
    assert world.calls.count(grant_type="refresh_token") == 0
    keeper.forget(key)


@pytest.mark.parametrize(
    ("name", "records", "path"),
    [
        ("bigin", "Contacts", "/Contacts"),
        ("recruit", "Candidates", "/Candidates"),
        ("books", "invoices", "/invoices"),
        ("inventory", "items", "/items"),
        ("desk", "tickets", "/tickets"),
        ("mail", "messages", "/accounts/{zuid}/messages/view"),
        ("people", "employee", "/forms/employee/getRecords"),
        ("projects", "projects", "/projects"),
        ("workdrive", "files", "/files/abc/files"),
    ],
)
def test_every_page_of_a_list_is_read_once(
    world: Sandbox, keeper: Keeper, name: str, records: str, path: str
) -> None:
    service, person = SERVICES[name], world.user("dora@us.example")
    assert service.pages is not None
    everything = [{"id": str(number)} for number in range(450)]
    world.add_records(name, records, everything)
    log_in(world, keeper, service, "us", f"pages of {name}")
    org = None if service.org.travels in ("token", "caller") else person.orgs[0].zgid
    client = client_of(world, keeper, f"pages of {name}", service, "us", org)
    read: list[object] = []
    query: dict[str, str] | None = service.pages.first_query({})
    while query is not None:
        answer = client.get(path.format(zuid=person.zuid), params=query)
        assert answer.status_code == 200, answer.text
        read += items_in(answer.json())
        query = service.pages.next_query(query, answer.json())
    assert read == everything
