"""Whose a grant is, with the CRM and without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from evergrant import Accounts, Keeper, Policy, open_store
from evergrant.errors import ConsentDenied, MissingScope
from evergrant.sandbox import Sandbox
from evergrant.sandbox.settings import Settings

ALICE = "alice@example.com"
BOOKS, DESK = "ZohoBooks.invoices.READ", "Desk.tickets.READ"
PROFILE = "AaaServer.profile.READ"


@pytest.fixture
def accounts(zoho: Sandbox) -> Iterator[Accounts]:
    client = zoho.client
    with Accounts(
        client.client_id,
        client.client_secret,
        redirect_url="http://127.0.0.1:1/callback",
        data_centers=zoho.data_centers,
        clock=zoho.clock,
    ) as made:
        yield made


@pytest.fixture
def keeper(accounts: Accounts) -> Iterator[Keeper]:
    with open_store("memory:") as store, Keeper(store, accounts) as made:
        yield made


def asked_scopes(url: str) -> list[str]:
    return parse_qs(urlsplit(url).query)["scope"][0].split(",")


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ([BOOKS], [BOOKS, PROFILE]),
        ([BOOKS, "aaaserver.PROFILE.read"], [BOOKS, "aaaserver.PROFILE.read"]),
        ([BOOKS, "AaaServer.profile.ALL"], [BOOKS, "AaaServer.profile.ALL"]),
        ("ZohoCRM.modules.ALL", ["ZohoCRM.modules.ALL", "ZohoCRM.users.READ", "ZohoCRM.org.READ"]),
        (
            [DESK, "ZohoCRM.users.ALL"],
            [DESK, "ZohoCRM.users.ALL", "ZohoCRM.org.READ"],
        ),
    ],
)
def test_the_scopes_that_tell_the_user_are_those_of_a_service_that_is_asked_for(
    keeper: Keeper, wanted: str | list[str], asked: list[str]
) -> None:
    assert asked_scopes(keeper.authorization_url(wanted)) == asked
    own = [wanted] if isinstance(wanted, str) else wanted
    assert asked_scopes(keeper.authorization_url(wanted, "my key")) == own


def test_a_person_without_the_crm_logs_in(keeper: Keeper, zoho: Sandbox) -> None:
    zoho.add_user("erin@example.com", services=("books", "desk"))
    url = keeper.authorization_url([BOOKS, DESK], "Erin@Example.com", session="s")
    token = keeper.complete_login(zoho.consent(url, user="erin@example.com"), session="s")
    assert (token.user_name, token.org_id) == ("erin@example.com", None)
    assert keeper.access_token("ERIN@example.com") == token.access_token
    with keeper.client("erin@example.com", service="desk") as desk:
        assert desk.get("/tickets").status_code == 200


def test_a_second_login_takes_the_place_of_the_first(keeper: Keeper, zoho: Sandbox) -> None:
    for scope in (BOOKS, DESK):
        keeper.login_with_code(zoho.grant_code(ALICE, [scope, PROFILE], self_client=True))
    (only,) = keeper.store.get_tokens()
    assert only.scopes == (DESK, PROFILE)


def test_who_logs_in_for_the_crm_too_has_two_names(keeper: Keeper, zoho: Sandbox) -> None:
    keeper.login_with_code(zoho.grant_code(ALICE, [BOOKS, PROFILE], self_client=True))
    crm = keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
    org = zoho.user(ALICE).orgs[0].zgid
    assert {token.user_name for token in keeper.store.get_tokens()} == {ALICE, f"{ALICE}:{org}"}
    assert keeper.token(ALICE).scopes == (BOOKS, PROFILE)
    assert keeper.token(f"{ALICE}:{org}").id == crm.id


def test_a_grant_of_which_nothing_is_known_is_asked_about_everywhere(
    accounts: Accounts, zoho: Sandbox
) -> None:
    org = zoho.user(ALICE).orgs[0].zgid
    for scopes, owner in (
        ([BOOKS, PROFILE], (ALICE, None)),
        (["ZohoCRM.users.READ", "ZohoCRM.org.READ"], (f"{ALICE}:{org}", org)),
    ):
        token = replace(accounts.exchange(zoho.grant_code(ALICE, scopes)), scopes=())
        assert accounts.fetch_owner(token) == owner


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [([BOOKS], PROFILE), (["ZohoCRM.modules.ALL", PROFILE], "ZohoCRM.users.READ")],
)
def test_a_grant_that_does_not_tell_its_user_is_kept_and_told(
    keeper: Keeper, zoho: Sandbox, scopes: list[str], missing: str
) -> None:
    with pytest.raises(MissingScope, match=missing) as caught:
        keeper.login_with_code(zoho.grant_code(ALICE, scopes, self_client=True))
    kept = keeper.store.find_token_by_id(caught.value.token_id or "")
    assert kept is not None
    assert keeper.access_token(kept) == kept.access_token


def test_another_person_than_the_expected_one_is_told(keeper: Keeper, zoho: Sandbox) -> None:
    code = zoho.grant_code("bob@example.com", [BOOKS, PROFILE], self_client=True)
    with pytest.raises(ConsentDenied, match=r"bob@example\.com logged in, not alice"):
        keeper.login_with_code(code, ALICE)


def test_without_an_account_in_a_service_the_login_says_so(keeper: Keeper, zoho: Sandbox) -> None:
    zoho.add_user("erin@example.com", services=("books",))
    url = keeper.authorization_url([BOOKS, DESK], session="s")
    with pytest.raises(ConsentDenied, match="no account in one of the services") as caught:
        keeper.complete_login(zoho.consent(url, user="erin@example.com"), session="s")
    assert caught.value.code == "no_org"
    assert "one service at a time" in caught.value.hint


def test_a_policy_forbids_no_scope_that_tells_the_user(accounts: Accounts, zoho: Sandbox) -> None:
    policy = Policy(allowed_scopes=(BOOKS,))
    with open_store("memory:") as store, Keeper(store, accounts, policy=policy) as keeper:
        token = keeper.login_with_code(zoho.grant_code(ALICE, [BOOKS, PROFILE], self_client=True))
        assert keeper.access_token(ALICE) == token.access_token


def test_zoho_that_does_not_say_what_it_granted_is_no_obstacle() -> None:
    with Sandbox(settings=Settings(send_scope=False)) as zoho:
        client = zoho.client
        with (
            Accounts(
                client.client_id, client.client_secret, data_centers=zoho.data_centers,
                clock=zoho.clock,
            ) as accounts,
            open_store("memory:") as store,
            Keeper(store, accounts) as keeper,
        ):  # fmt: skip
            code = zoho.grant_code(ALICE, [BOOKS, PROFILE], self_client=True)
            assert keeper.login_with_code(code).user_name == ALICE
