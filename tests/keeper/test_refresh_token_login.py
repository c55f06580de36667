"""A refresh token that one has becomes a login, wherever it is from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from evergrant import ZOHO, Accounts, Keeper, open_store
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.aio import AsyncKeeper
from evergrant.errors import ConsentDenied, InvalidClient, LoginRequired
from evergrant.sandbox import Sandbox
from evergrant.sandbox.models import Client
from tests.support.keeper.refresh_tokens import accounts_of, refresh_token_of

ALICE, CAROL = "alice@example.com", "carol@example.eu"
SCOPES = ["ZohoCRM.users.READ", "ZohoCRM.org.READ"]


@pytest.fixture
def keepers(zoho: Sandbox) -> Iterator[list[Keeper]]:
    made: list[Keeper] = []
    yield made
    for keeper in made:
        keeper.close()
        keeper.store.close()
        keeper.accounts.close()


def keeper_of(zoho: Sandbox, client: Client, keepers: list[Keeper]) -> Keeper:
    keepers.append(Keeper(open_store("memory:"), accounts_of(zoho, client)))
    return keepers[-1]


def test_it_is_kept_under_its_owners_name(zoho: Sandbox, keepers: list[Keeper]) -> None:
    keeper = keeper_of(zoho, zoho.client, keepers)
    given = refresh_token_of(zoho, ALICE, SCOPES)
    token = keeper.login_with_refresh_token(given, ALICE)
    assert token.user_name == f"{ALICE}:{zoho.user(ALICE).orgs[0].zgid}"
    assert keeper.login_with_refresh_token(given).id == token.id
    with pytest.raises(ConsentDenied, match="logged in, not bob"):
        keeper.login_with_refresh_token(given, "bob@example.com")


@pytest.mark.parametrize("secrets", [None, {"eu": "of-the-eu"}])
def test_a_client_of_one_data_center_finds_its_token_there(
    zoho: Sandbox, keepers: list[Keeper], secrets: dict[str, str] | None
) -> None:
    client = zoho.add_client(data_centers=("eu",), secrets=secrets)
    keeper = keeper_of(zoho, client, keepers)
    given = refresh_token_of(zoho, CAROL, SCOPES, client)
    with pytest.raises(InvalidClient):
        keeper.login_with_refresh_token(given)
    assert keeper.login_with_refresh_token(given, data_center="any").user_name


def test_what_no_data_center_accepts_is_told_as_the_grants_fault(
    zoho: Sandbox, keepers: list[Keeper]
) -> None:
    for client in (zoho.client, zoho.add_client(data_centers=("us",))):
        keeper = keeper_of(zoho, client, keepers)
        with pytest.raises(LoginRequired) as caught:
            keeper.login_with_refresh_token("1000.dead.dead", data_center="any")
        assert "of another data center than us, eu" in caught.value.hint
        assert keeper.store.get_tokens() == []


def test_a_data_center_that_names_another_one_does_not_end_the_search() -> None:
    asked: list[str] = []

    def send(request: HttpRequest) -> HttpResponse:
        asked.append(request.url)
        if len(asked) < len(ZOHO.codes):
            return HttpResponse(200, {}, b'{"error": "other_dc"}')
        home = ZOHO.by_code(ZOHO.codes[-1]).api_url
        granted = {"access_token": "1000.a", "expires_in": 3600, "api_domain": home}
        return HttpResponse(200, {}, json.dumps(granted).encode())

    with (
        open_store("memory:") as store,
        Accounts("1000.A", "secret", send=send) as accounts,
        Keeper(store, accounts) as keeper,
    ):
        token = keeper.login_with_refresh_token("1000.r", "my key", data_center="any")
        assert accounts.data_center_of(token).code == ZOHO.codes[-1]
    assert [url.split("/oauth")[0] for url in asked] == [
        ZOHO.by_code(code).accounts_url for code in ZOHO.codes
    ]


def test_for_asyncio_too(zoho: Sandbox, keepers: list[Keeper]) -> None:
    keeper = keeper_of(zoho, zoho.client, keepers)
    given = refresh_token_of(zoho, ALICE, SCOPES)

    async def main() -> str | None:
        async with AsyncKeeper(keeper) as aio:
            return (await aio.login_with_refresh_token(given)).user_name

    assert (asyncio.run(main()) or "").startswith(ALICE)
