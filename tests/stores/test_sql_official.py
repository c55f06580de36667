"""The official SDK's DBStore and ours on one table, in turns."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from evergrant.errors import TokenNotFound
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.rows import OFFICIAL_COLUMNS, encode
from evergrant.stores.sql import SQLStore
from evergrant.testing.sample_tokens import ALICE, refreshed
from evergrant.token import Token
from tests.support.sdk.official_db_process import OfficialStore
from tests.support.servers.databases import Database
from tests.support.soak import Soak
from tests.support.stores.sql_store import columns_of, official_table

PEOPLE = [f"user{n}@example.com:60001" for n in range(9)]


@pytest.fixture
def official(mariadb: Database) -> Iterator[OfficialStore]:
    official_table(mariadb)
    with OfficialStore(mariadb.url) as official:
        yield official


@pytest.fixture
def store(mariadb: Database, official: OfficialStore) -> Iterator[TokenStore]:
    with open_store(mariadb.url) as store:
        yield store


def theirs(token: Token) -> dict[str, str]:
    """Return a token as the official store takes it."""
    values = dict(zip(OFFICIAL_COLUMNS, encode(token), strict=False))
    values["expires_in"] = values.pop("expiry_time")
    return {name: str(value) for name, value in values.items() if value is not None}


def test_operations_in_turns_lose_nothing(
    store: TokenStore, official: OfficialStore, soak: Soak
) -> None:
    chance = random.Random(8)
    known: dict[str, str] = {}
    for number in range(soak.rounds(60, 200)):
        user = chance.choice(PEOPLE)
        token = refreshed(ALICE, number, user_name=user, access_token=f"access {number}")
        step = chance.choice(["our save", "their save", "our find", "their find", "delete"])
        if step == "our save":
            store.save_token(token)
            known[user] = f"access {number}"
        elif step == "their save":
            # With an id: its own way to give one, the greatest text plus one, fails at the tenth.
            official("save", theirs(token) | {"id": f"t{number}"})
            known[user] = f"access {number}"
        elif step == "delete" and user in known:
            found = store.find_token(Token(user_name=user))
            assert found is not None
            if number % 2:
                store.delete_token(str(found.id))
            else:
                official("delete", found.id)
            del known[user]
        ours = store.find_token(Token(user_name=user))
        assert (ours and ours.access_token) == known.get(user)
        by_official = official("find", {"user_name": user})
        assert (by_official and by_official["access_token"]) == known.get(user)
    listed = {token.user_name: token.access_token for token in store.get_tokens()}
    assert listed == known
    assert {token["user_name"]: token["access_token"] for token in official("all")} == known


def test_what_the_official_store_wrote_is_found_whole_and_the_other_way_round(
    store: TokenStore, official: OfficialStore
) -> None:
    official("save", theirs(ALICE))
    found = store.find_token(Token(user_name=ALICE.user_name))
    assert found is not None
    assert (found.refresh_token, found.expires_at) == (ALICE.refresh_token, ALICE.expires_at)
    new = store.save_token(refreshed(found), expected_version=0)
    read = official("find_by_id", new.id)
    assert read == official("find", {"user_name": ALICE.user_name})
    assert read["access_token"] == str.__str__(new.access_token or "")
    assert read["expires_in"] == encode(new)[7]


def test_an_id_that_is_only_a_number_to_mysql_deletes_nobody(
    store: TokenStore, official: OfficialStore
) -> None:
    saved = store.save_token(ALICE)
    for id_ in ("1 or 1=1", "1abc", "01", "1 ", " 1", "1.0"):
        with pytest.raises(TokenNotFound):
            store.delete_token(id_)
    assert store.get_tokens() == [saved]


def test_the_official_arguments_open_the_same_table(
    mariadb: Database, official: OfficialStore
) -> None:
    official("save", theirs(ALICE))
    where = mariadb.server.url(mariadb.name)
    assert where.password
    with SQLStore.connect(
        "127.0.0.1", mariadb.name, "root", where.password, str(where.port), "oauthtoken"
    ) as store:
        assert store.find_token(ALICE) is not None
    assert columns_of(mariadb)[: len(OFFICIAL_COLUMNS)] == list(OFFICIAL_COLUMNS)
