"""A token without a user is in reach by its id."""

from __future__ import annotations

import json

import pytest

from evergrant.errors import TokenNotFound
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from evergrant.testing.local_sandbox import LocalSandbox
from evergrant.token import Token
from tests.support.cli.runner import ALICE, Command, LogIn


@pytest.fixture
def nameless(store: TokenStore, logged_in: LogIn) -> str:
    """The id of a grant without a user; another user is logged in too."""
    logged_in(ALICE, "bob@example.com")
    (bob,) = store.find_users("bob@example.com")
    store.delete_token(bob.id or "")
    bare = Token(
        client_id=bob.client_id,
        client_secret=bob.client_secret,
        refresh_token=bob.refresh_token,
        api_domain=bob.api_domain,
    )
    return store.save_token(bare).id or ""


def test_it_is_used_refreshed_explained_and_ended(
    run: Command, zoho: Sandbox, store: TokenStore, nameless: str
) -> None:
    first = run("token", "--id", nameless)
    assert first.exit_code == 0, first.stderr
    again = run("token", "--id", nameless)
    assert first.stdout == again.stdout
    assert run("api", "crm:/org", "--id", nameless).exit_code == 0
    refreshed = run("refresh", "--id", nameless)
    assert f"refreshed the access token of token {nameless}" in refreshed.stderr
    assert run("token", "--id", nameless).stdout != first.stdout
    told = json.loads(run("why", "--id", nameless, "--json").stdout)
    assert told["token_id"] == nameless
    assert told["user"] is None
    revoked = run("revoke", "--id", nameless, "--yes")
    assert revoked.exit_code == 0, revoked.stderr
    assert store.find_token_by_id(nameless) is None
    assert run("token", ALICE).exit_code == 0


def test_what_names_no_token_or_two_is_told(run: Command, nameless: str) -> None:
    for command in ("token", "refresh", "revoke", "why"):
        for named in ((), (ALICE, "--id", nameless)):
            result = run(command, *named)
            assert result.exit_code == 2, (command, named)
            assert "Give either USER or --id ID." in result.stderr
    assert run("token", "--id", "no-such").exit_code == 3
    assert "no token with this id" in run("why", "--id", "no-such").stdout


def test_a_keeper_takes_a_token_of_the_store(
    store: TokenStore, zoho_sandbox: LocalSandbox, nameless: str
) -> None:
    row = store.find_token_by_id(nameless)
    assert row is not None
    keeper = zoho_sandbox.keeper(store=store)
    working = keeper.access_token(row)
    assert keeper.access_token(Token(id=nameless)) == working
    assert keeper.cached_token(row) is not None
    assert keeper.refresh(row).access_token != working
    keeper.forget(row)
    with pytest.raises(TokenNotFound, match="no such token"):
        keeper.access_token(row)
