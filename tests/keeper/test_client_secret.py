"""The client secret that works is what the store has: who goes by the row alone can refresh too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from evergrant import Accounts, Keeper, Token, TokenStore
from evergrant.sandbox import Sandbox


def test_a_rotated_secret_that_worked_is_written_back(
    keeper: Keeper, store: TokenStore, zoho: Sandbox, log_in: Callable[[str], Token]
) -> None:
    row = log_in("alice@example.com")
    store.save_token(replace(row, client_secret="rotated-away"), expected_version=row.version)
    keeper.refresh("alice@example.com")
    (row,) = store.get_tokens()
    assert row.client_secret == zoho.client.client_secret
    with Accounts(data_centers=zoho.data_centers, clock=zoho.clock) as nobody:
        assert Keeper(store, nobody).refresh("alice@example.com").access_token != row.access_token


def test_the_secret_of_the_tokens_data_center_is_written_back(
    store: TokenStore, zoho: Sandbox, log_in: Callable[[str], Token]
) -> None:
    row = log_in("alice@example.com")
    store.save_token(replace(row, client_secret="of-another"), expected_version=row.version)
    client = zoho.client
    with Accounts(
        client.client_id,
        "of-another",
        client_secrets={zoho.user("alice@example.com").data_center: client.client_secret},
        data_centers=zoho.data_centers,
        clock=zoho.clock,
    ) as accounts:
        Keeper(store, accounts).refresh("alice@example.com")
    assert store.get_tokens()[0].client_secret == client.client_secret
