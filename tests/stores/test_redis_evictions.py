"""A Redis whose memory is full drops keys, and never one of a store's keys with the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from evergrant.errors import StoreUnavailable, TokenNotFound
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, BOB, grant, refreshed, stored_contents
from evergrant.token import Token
from tests.support.servers.redis_servers import Redis, Space

KINDS = ("row", "by", "books", "ids", "number", "made", "name")


@pytest.fixture
def store(redis_url: str) -> Iterator[TokenStore]:
    with open_store(redis_url) as store:
        yield store


class Server:
    """What a server does to the keys of a store."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client = client
        self.prefix = f"{{{prefix}}}"

    def keys(self, kind: str) -> list[str]:
        pattern = {"row": ":row:*", "by": ":by:*", "books": ":by"}.get(kind, f":{kind}")
        return list(self.client.scan_iter(self.prefix + pattern))

    def drop(self, *kinds: str, part: slice = slice(None)) -> None:
        for kind in kinds:
            found = sorted(self.keys(kind))[part]
            assert found
            self.client.delete(*found)


@pytest.fixture
def server(redis: Space) -> Iterator[Server]:
    with redis.server.client() as client:
        yield Server(client, redis.url.rpartition("=")[2])


def is_right(store: TokenStore, *tokens: Token) -> None:
    """Look up everything there is, in every way."""
    for token in tokens:
        assert store.find_token(Token(user_name=token.user_name)) == token
        assert store.find_token(Token(access_token=token.access_token)) == token
        assert store.find_users(str(token.user_name).partition(":")[0]) == [token]
        assert store.find_token_by_id(str(token.id)) == token
    assert stored_contents(store) == {token.id: token for token in tokens}


@pytest.mark.parametrize(
    "kinds", [kinds for n in (1, 2, 3) for kinds in combinations(KINDS[1:], n)], ids="-".join
)
def test_what_leads_to_a_token_is_lost_and_found_again(
    store: TokenStore, server: Server, kinds: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    saved = [store.save_token(ALICE), store.save_token(replace(BOB, id="tenant-1"))]
    server.drop(*kinds)
    is_right(store, *saved)
    again = store.save_token(replace(refreshed(ALICE), id=None))
    assert again.id == saved[0].id
    is_right(store, again, saved[1])
    said = [record for record in caplog.records if "lost some of its own keys" in record.message]
    assert len(said) == (not {"by", "books", "ids"}.isdisjoint(kinds))


def test_a_login_after_a_loss_makes_no_second_row(store: TokenStore, server: Server) -> None:
    saved = store.save_token(ALICE)
    server.drop("by")
    assert store.save_token(refreshed(ALICE, refresh_token="new login")).id == saved.id
    assert len(store.get_tokens()) == 1


@pytest.mark.parametrize("more", [(), ("books",), ("ids",), ("number", "made"), KINDS[2:]])
def test_an_id_is_not_given_again_and_nobody_gets_anothers_token(
    store: TokenStore, server: Server, more: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    alice = store.save_token(ALICE)
    server.drop("row", *more)
    bob = store.save_token(BOB)
    assert bob.id != alice.id
    assert store.find_token(ALICE) is None
    assert store.find_users("alice@example.com") == []
    is_right(store, bob)
    assert store.save_token(ALICE).id not in {alice.id, bob.id}
    with caplog.at_level(logging.ERROR):
        is_right(store, bob, *store.find_users("alice@example.com"))


def test_all_is_lost_and_no_number_comes_again(store: TokenStore, server: Server) -> None:
    former = [store.save_token(grant(who)) for who in ("alice", "bob", "carol")]
    server.drop(*KINDS)
    again = [store.save_token(grant(who)) for who in ("dave", "erin")]
    assert not {token.id for token in former} & {token.id for token in again}
    is_right(store, *again)
    for token in former:
        with pytest.raises(TokenNotFound):
            store.delete_token(str(token.id))


def test_a_chosen_number_does_not_set_a_lost_count_back(store: TokenStore, server: Server) -> None:
    used = {store.save_token(ALICE).id}
    server.drop("number")
    store.save_token(replace(BOB, id="7"))
    assert int(str(store.save_token(grant("carol")).id)) > max(int(str(id_)) for id_ in used)


def test_some_rows_are_lost_and_the_others_stay(store: TokenStore, server: Server) -> None:
    saved = [store.save_token(grant(f"user{n}")) for n in range(20)]
    server.drop("row", part=slice(0, 10))
    server.drop("by", part=slice(None, None, 2))
    left = stored_contents(store)
    assert len(left) == 10
    is_right(store, *(token for token in saved if token.id in left))
    for token in saved:
        assert (store.find_token(Token(user_name=token.user_name)) is not None) == (
            token.id in left
        )


def test_a_lookup_that_leads_to_anothers_row(store: TokenStore, server: Server) -> None:
    alice, bob = store.save_token(ALICE), store.save_token(BOB)
    for key in server.keys("by"):
        ids = server.client.smembers(key)
        server.client.delete(key)
        server.client.sadd(key, *({str(alice.id), str(bob.id)} - ids or ids))
    is_right(store, alice, bob)


def test_a_row_that_no_longer_says_what_it_is_found_by(store: TokenStore, server: Server) -> None:
    alice = store.save_token(ALICE)
    for key in server.keys("row"):
        server.client.hdel(key, "~lookups")
    again = store.save_token(refreshed(alice, id=alice.id), expected_version=alice.version)
    assert store.find_token(Token(access_token=alice.access_token)) is None
    is_right(store, again)
    store.delete_token(str(again.id))
    assert not server.keys("by") + server.keys("row")


def test_a_row_that_expires(store: TokenStore, server: Server) -> None:
    store.save_token(ALICE)
    bob = store.save_token(BOB)
    [row] = [key for key in server.keys("row") if not key.endswith(str(bob.id))]
    server.client.pexpire(row, 1)
    while server.client.exists(row):
        pass
    assert store.find_token(ALICE) is None
    is_right(store, bob)


def test_all_are_deleted_though_the_list_of_them_was_lost(
    store: TokenStore, server: Server
) -> None:
    for who in ("alice", "bob"):
        store.save_token(grant(who))
    server.drop("ids")
    store.delete_tokens()
    assert not server.keys("row") + server.keys("by")


def test_who_only_reads_finds_what_can_be_found_or_says_that_it_cannot(
    redis_url: str, store: TokenStore, server: Server
) -> None:
    alice = store.save_token(ALICE)
    store.save_token(BOB)
    server.drop("by")
    with open_store(redis_url, read_only=True) as reader:
        assert reader.find_token(ALICE) == alice
        assert reader.find_users("nobody@example.com") == []
        server.drop("ids")
        with pytest.raises(StoreUnavailable, match="lost some of its own keys"):
            reader.find_token(ALICE)
    is_right(store, alice, *store.find_users("bob@example.com"))


@pytest.fixture(scope="module")
def small() -> Iterator[Redis]:
    """A server with little memory, in which every key may go."""
    server = Redis("--maxmemory 6mb", "--maxmemory-policy allkeys-random")
    yield server
    server.close()


def test_a_server_that_evicts(small: Redis, caplog: pytest.LogCaptureFixture) -> None:
    with open_store(small.place(prefix="evicted")) as store, small.client() as client:
        saved = {
            token.user_name: token
            for token in (store.save_token(grant(f"user{n}")) for n in range(150))
        }
        used = {token.id for token in saved.values()}
        number = 0
        while client.info("stats")["evicted_keys"] < 400:
            client.mset({f"other:{number + n}": "x" * 1000 for n in range(100)})
            number += 100
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "0")
        left = 0
        for name, token in saved.items():
            found = store.find_token(Token(user_name=name))
            assert found in {None, token}
            left += found is not None
            login = store.save_token(replace(token, id=None, refresh_token="another login"))
            assert login.user_name == name
            assert found is None or login.id == found.id
            assert found is not None or login.id not in used
        assert left < len(saved)
        assert len(stored_contents(store)) == len(saved)
        assert any("dropped" in warning for warning in store.config_warnings())
    assert any("lost some of its own keys" in record.message for record in caplog.records)
