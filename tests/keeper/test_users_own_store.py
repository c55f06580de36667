"""A Keeper on a user's own store, which has just the six methods."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper
from evergrant.errors import ConfigError, TokenNotFound, TokenNotSaved
from evergrant.sandbox import Sandbox
from tests.support.stores.six_methods import ByUser, FullDisk, OfficialColumns, OwnIds, Plain

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.mark.parametrize("make", [Plain, ByUser, OwnIds, OfficialColumns])
def test_a_login_an_hour_and_a_logout(
    zoho: Sandbox,
    accounts: Accounts,
    boat: Path,
    refreshes: Callable[[], int],
    make: Callable[[], Plain],
) -> None:
    mine = make()
    keeper = Keeper(mine, accounts, lifeboat=boat)
    for user in (ALICE, BOB):
        keeper.login_with_code(zoho.grant_code(user, self_client=True))
    before = {user: keeper.access_token(user) for user in (ALICE, BOB)}
    zoho.clock.advance(hours=1)
    with ThreadPoolExecutor(20) as pool:
        after = set(pool.map(lambda _: keeper.access_token(ALICE), range(20)))
    assert len(after) == 1
    assert after.isdisjoint(before.values())
    assert refreshes() == 1
    assert len(mine.get_tokens()) == 2
    keeper.revoke(ALICE)
    with pytest.raises(TokenNotFound):
        Keeper(mine, accounts, lifeboat=boat).access_token(ALICE)
    assert [token.user_name and token.user_name.split(":")[0] for token in mine.get_tokens()] == [
        BOB
    ]


def test_a_save_that_fails_fills_the_lifeboat_and_the_next_start_empties_it(
    zoho: Sandbox, accounts: Accounts, boat: Path
) -> None:
    mine = FullDisk()
    keeper = Keeper(mine, accounts, lifeboat=boat)
    with pytest.raises(TokenNotSaved):
        keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
    assert mine.get_tokens() == []
    mine.full = False
    assert Keeper(mine, accounts, lifeboat=boat).access_token(ALICE)
    assert len(mine.get_tokens()) == 1


def test_what_is_no_store_is_refused_at_once(accounts: Accounts, boat: Path) -> None:
    with pytest.raises(ConfigError, match="has no find_token"):
        Keeper("sqlite:///tokens.db", accounts, lifeboat=boat)  # type: ignore[arg-type]
