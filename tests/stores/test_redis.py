"""What only Redis can do, or go without."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from evergrant.errors import CorruptRecord, StoreError, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.redis.clients import CONNECTIONS
from evergrant.testing.sample_tokens import ALICE, BOB
from tests.support.servers.redis_servers import Redis
from tests.support.waiting import until

LONG = 30.0
"""Seconds that anything may take on a busy machine."""


@pytest.fixture
def store(redis_url: str) -> Iterator[TokenStore]:
    with open_store(redis_url) as store:
        yield store


@pytest.fixture
def mortal() -> Iterator[Redis]:
    """A server of the test's own."""
    server = Redis()
    yield server
    server.close()


def keys(server: Redis, prefix: str) -> list[str]:
    with server.client() as client:
        return list(client.scan_iter(f"{{{prefix}}}*"))


def test_everything_is_under_one_prefix_and_one_hash_tag(redis_server: Redis) -> None:
    with (
        open_store(redis_server.place(3, "one")) as one,
        open_store(redis_server.place(3, "two")) as two,
        redis_server.client(3) as client,
    ):
        client.set("foreign", "stays")
        for store in (one, two):
            store.save_token(ALICE)
            store.save_token(BOB)
        assert all(key.startswith(("{one}:", "{two}:", "foreign")) for key in client.scan_iter())
        one.delete_tokens()
        assert one.get_tokens() == []
        assert len(two.get_tokens()) == 2
        assert two.find_token(ALICE) is not None
        assert client.get("foreign") == "stays"
        assert not client.keys("{one}:row:*") + client.keys("{one}:by:*")


def test_no_key_shows_a_token(redis_server: Redis, redis_url: str, store: TokenStore) -> None:
    store.save_token(replace(ALICE, grant_token="planted-grant"))
    shown = "\n".join(keys(redis_server, redis_url.rpartition("=")[2]))
    assert "row:1" in shown
    assert "planted" not in shown


def test_one_look_is_one_round_trip(redis_server: Redis, store: TokenStore) -> None:
    store.save_token(ALICE)
    with redis_server.client() as client:

        def commands() -> int:
            stats = client.info("commandstats")
            return int(stats["cmdstat_evalsha"]["calls"])

        before = commands()
        for _ in range(10):
            assert store.find_token(ALICE) is not None
        assert commands() - before == 10


def test_a_process_has_few_connections_however_many_threads_ask(mortal: Redis) -> None:
    """Hundreds that connect at the same moment would overrun the server's queue of them."""
    begin = threading.Barrier(100)

    def find(_: int) -> None:
        begin.wait()
        for _ in range(5):
            assert busy.find_token(ALICE)

    with open_store(mortal.place()) as busy, ThreadPoolExecutor(100) as pool:
        busy.save_token(ALICE)
        list(pool.map(find, range(100)))
        with mortal.client() as client:
            connected = len(client.client_list())
    assert connected <= CONNECTIONS + 2, "the one that hears, and this one, beside"


def test_many_writers_never_make_two_rows_of_one_user(redis_url: str, store: TokenStore) -> None:
    users = [f"u{number % 5}@example.com" for number in range(40)]

    def save(user: str) -> None:
        with open_store(redis_url) as mine:
            mine.save_token(replace(ALICE, user_name=user, refresh_token=f"r-{user}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, users))
    assert sorted(str(token.user_name) for token in store.iter_tokens()) == sorted(set(users))


class TestWordOfChanges:
    def test_a_deletion_by_another_is_heard_of(self, redis_url: str, store: TokenStore) -> None:
        saved = store.save_token(ALICE)
        until(lambda: store.change_counter() is not None)
        before = store.change_counter()
        with open_store(redis_url) as other:
            other.delete_token(str(saved.id))
        until(lambda: store.change_counter() != before)

    def test_a_change_of_ones_own_counts_at_once(self, store: TokenStore) -> None:
        until(lambda: store.change_counter() is not None)
        before = store.change_counter()
        store.save_token(ALICE)
        assert store.change_counter() != before

    def test_a_lease_is_no_change_and_wakes_who_waits(
        self, redis_url: str, store: TokenStore
    ) -> None:
        until(lambda: store.change_counter() is not None)
        before = store.change_counter()
        with open_store(redis_url) as other:
            lease = other.lease("1", 30)
            assert lease
            with store.watch("1") as watch:
                threading.Timer(0.2, lease.release).start()
                began = time.monotonic()
                watch.wait(LONG)
                assert time.monotonic() - began < LONG / 2
        assert store.change_counter() == before

    def test_a_lost_connection_is_noticed_and_heals(
        self, redis_server: Redis, store: TokenStore
    ) -> None:
        until(lambda: store.change_counter() is not None)
        before = store.change_counter()
        with redis_server.client() as client:
            client.client_kill_filter(_type="pubsub")
        until(lambda: store.change_counter() not in (None, before))

    def test_a_server_that_says_nothing_is_not_believed(self, mortal: Redis) -> None:
        with open_store(mortal.place()) as store:
            until(lambda: store.change_counter() is not None)
            mortal.freeze()
            try:
                until(lambda: store.change_counter() is None)
            finally:
                mortal.thaw()
            until(lambda: store.change_counter() is not None)


class TestServers:
    def test_a_restarted_server_needs_no_new_store(self) -> None:
        server = Redis("--appendonly yes", "--appendfsync always")
        try:
            with open_store(server.place()) as store:
                saved = store.save_token(ALICE)
                server.stop()
                with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
                    store.find_token(ALICE)
                assert caught.value.retryable
                server.start()
                assert store.find_token(ALICE) == saved
        finally:
            server.close()

    def test_a_frozen_server_is_given_up_in_time(self, mortal: Redis) -> None:
        with open_store(mortal.place(), timeout=0.5) as store:
            mortal.freeze()
            try:
                with pytest.raises(StoreUnavailable):
                    store.find_token(ALICE)
            finally:
                mortal.thaw()

    def test_a_full_server_refuses_and_loses_nothing(self, mortal: Redis) -> None:
        with open_store(mortal.place()) as store, mortal.client() as client:
            saved = store.save_token(ALICE)
            client.config_set("maxmemory", 1)
            for change in (replace(saved, access_token="new"), BOB):
                with pytest.raises(StoreUnavailable, match="is full; nothing was saved"):
                    store.save_token(change)
            client.config_set("maxmemory", 0)
            assert store.get_tokens() == [saved]
            assert store.find_token(ALICE) == saved

    def test_a_replica_is_no_place_to_save(self, mortal: Redis) -> None:
        replica = Redis(f"--replicaof 127.0.0.1 {mortal.port}")
        try:
            with pytest.raises(StoreUnavailable, match="read-only") as caught:
                open_store(replica.place())
            assert not caught.value.retryable
        finally:
            replica.close()

    @pytest.mark.parametrize("wrong", ["", ":planted-wrong@", "nobody:planted-wrong@"])
    def test_a_wrong_password_is_said_and_not_repeated(
        self, redis_server: Redis, wrong: str
    ) -> None:
        with pytest.raises(StoreUnavailable, match="refuses the login") as caught:
            open_store(f"redis://{wrong}127.0.0.1:{redis_server.port}/0")
        assert "planted" not in str(caught.value)

    def test_a_key_of_another_program_harms_its_row_only(
        self, redis_server: Redis, redis_url: str, store: TokenStore
    ) -> None:
        saved = store.save_token(ALICE)
        store.save_token(BOB)
        with redis_server.client() as client:
            row = f"{{{redis_url.rpartition('=')[2]}}}:row:{saved.id}"
            client.delete(row)
            client.rpush(row, "what is this?")
        with pytest.raises(CorruptRecord):
            store.find_token(ALICE)
        assert store.find_token(BOB) is not None
        assert len(list(store.iter_tokens(on_corrupt=lambda _: None))) == 1


def test_opened_to_read_it_changes_nothing(redis_url: str, store: TokenStore) -> None:
    saved = store.save_token(ALICE)
    with open_store(redis_url, read_only=True) as reader:
        assert reader.find_token(ALICE) == saved
        assert reader.storage_id() == store.storage_id()
        for change in (
            lambda: reader.save_token(BOB),
            reader.delete_tokens,
            lambda: reader.update_note("k", lambda _: "x", life=9),
        ):
            with pytest.raises(StoreError, match="read-only"):
                change()


def test_a_forked_child_hears_for_itself(redis_url: str, store: TokenStore) -> None:
    until(lambda: store.change_counter() is not None)
    child = os.fork()
    if child == 0:
        try:
            until(lambda: store.change_counter() is not None)
            store.save_token(ALICE)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child ends here, whatever happened
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.find_token(ALICE) is not None
