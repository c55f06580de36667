"""People stored by their bare address, as the SDKs 2.0 and 2.1 do, log in with their org."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant.errors import LoginRequired
from evergrant.sandbox import Sandbox
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.sdk.bridge import ALICE, Asked


@pytest.fixture
def keeper(zoho: Sandbox, store: TokenStore, tmp_path: Path) -> Iterator[Keeper]:
    client = zoho.client
    with Accounts(
        client.client_id,
        client.client_secret,
        data_centers=zoho.data_centers,
        clock=zoho.clock,
    ) as accounts:
        yield Keeper(store, accounts, lifeboat=tmp_path)


@pytest.fixture
def bare(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore
) -> Any:
    """Store a grant of Alice's by her address, as a program with an SDK of 2.0 does."""

    def make(**fields: Any) -> Token:
        code = zoho.grant_code(ALICE, org=fields.pop("org", None))
        row = bridge.resolve(asked(grant_token=code), config, find_user=False)
        assert row
        store.delete_token(str(row.id))
        old = replace(row, id="python_me_PRD_abcd", user_name=ALICE.title(), version=0, org_id=None)
        return store.save_token(replace(old, grant_token=None, **fields))

    return make


def test_a_2x_row_and_the_login_with_the_org_become_one(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore, bare: Any
) -> None:
    old = bare()
    new = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    assert new
    assert store.get_tokens() == [new]
    assert (new.id, new.user_name) == (old.id, f"{ALICE}:{new.org_id}")
    assert new.refresh_token != old.refresh_token
    assert bridge.lookup.find_by_name(ALICE, None) == new
    assert bridge.resolve(asked(user_name=ALICE), config) == new


def test_a_dead_2x_row_becomes_the_login_with_the_org(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore, bare: Any
) -> None:
    old = bare(refresh_token="1000.dead", expires_at=zoho.clock())
    new = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    assert [token.id for token in store.get_tokens()] == [old.id]
    assert store.get_tokens() == [new]


def test_a_login_that_names_the_2x_rows_id_goes_on_with_it(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore, bare: Any
) -> None:
    old = bare(refresh_token="1000.dead", expires_at=zoho.clock())
    new = bridge.resolve(asked(id=old.id, grant_token=zoho.grant_code(ALICE)), config)
    assert new
    assert store.get_tokens() == [new]
    assert (new.id, new.user_name) == (old.id, f"{ALICE}:{new.org_id}")


def test_a_keepers_login_goes_on_with_the_2x_row(
    keeper: Keeper, zoho: Sandbox, store: TokenStore, bare: Any
) -> None:
    old = bare()
    new = keeper.login_with_code(zoho.grant_code(ALICE))
    assert store.get_tokens() == [new]
    assert new.id == old.id


@pytest.mark.parametrize("change", [{"client_id": "1000.OTHER"}, {"org_id": "another"}])
def test_another_clients_or_orgs_row_stays(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore, bare: Any,
    change: dict[str, str],
) -> None:  # fmt: skip
    old = bare(**change)
    new = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE)), config)
    assert {token.id: token for token in store.get_tokens()} == {old.id: old, new and new.id: new}


def test_one_person_in_two_orgs_is_not_made_one(
    bridge: SDKBridge, config: SDKConfig, asked: Asked, zoho: Sandbox, store: TokenStore, bare: Any
) -> None:
    second = zoho.add_org("Elsewhere")
    zoho.join(ALICE, second)
    old = bare()
    new = bridge.resolve(asked(grant_token=zoho.grant_code(ALICE, org=second)), config)
    assert new
    assert {token.id for token in store.get_tokens()} == {old.id, new.id}


def test_a_dead_bare_row_does_not_hide_the_living_one(
    bridge: SDKBridge,
    config: SDKConfig,
    keeper: Keeper,
    zoho: Sandbox,
    store: TokenStore,
    bare: Any,
) -> None:
    alive = keeper.login_with_code(zoho.grant_code(ALICE))
    dead = bare(refresh_token="1000.dead", expires_at=zoho.clock())
    assert keeper.find(ALICE).id == dead.id
    with pytest.raises(LoginRequired):
        keeper.access_token(ALICE)
    assert keeper.access_token(ALICE) == alive.access_token
    assert bridge.lookup.find_by_name(ALICE, None).id == alive.id
    answer = bridge.resolve(Token(user_name=ALICE, client_id=alive.client_id), config)
    assert answer
    assert answer.id == alive.id
