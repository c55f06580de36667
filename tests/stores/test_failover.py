"""After a fail-over behind one address a process leaves the former primary, and heals by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.redis import clients
from evergrant.stores.sql import engine
from evergrant.testing.sample_tokens import ALICE, BOB, refreshed
from tests.support.servers.databases import Database
from tests.support.servers.failover_pairs import Pair, RedisPair, SQLPair, pair, second_servers
from tests.support.servers.sql_servers import MariaDB, PostgreSQL
from tests.support.waiting import until

__all__ = ["pair", "second_servers"]


@pytest.fixture
def store(pair: Pair) -> Iterator[TokenStore]:
    with open_store(pair.url) as store:
        yield store


def test_a_save_goes_to_the_new_primary_at_once(store: TokenStore, pair: Pair) -> None:
    alice = store.save_token(ALICE)
    pair.demote()
    pair.switch()
    saved = store.save_token(refreshed(alice), expected_version=alice.version)
    with open_store(pair.url) as other:
        assert other.find_token(ALICE) == saved == store.find_token(ALICE)


def test_leases_and_notes_go_there_too(store: TokenStore, pair: Pair) -> None:
    store.save_token(ALICE)
    pair.demote()
    pair.switch()
    with store.lease("1", 60) as lease, open_store(pair.url) as other:
        assert lease
        assert not other.lease("1", 60)
    assert store.update_note("budget", lambda text: f"{text}1", life=60) == "1"
    with open_store(pair.url) as other:
        assert other.get_note("budget") == "1"


def test_many_threads_heal_together(store: TokenStore, pair: Pair) -> None:
    for _ in range(3):
        store.save_token(BOB)
    pair.demote()
    pair.switch()
    troubles: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(3):
                store.save_token(BOB)
                assert store.find_token(BOB)
        except Exception as error:  # noqa: BLE001 - told below
            troubles.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles


def test_while_there_is_no_primary_it_is_one_clear_error_that_passes(
    store: TokenStore, pair: Pair
) -> None:
    alice = store.save_token(ALICE)
    pair.demote()
    for use in (
        lambda: store.save_token(refreshed(alice)),
        lambda: store.lease("1", 60),
        lambda: store.delete_token(str(alice.id)),
        lambda: store.update_note("budget", lambda text: f"{text}1", life=60),
    ):
        with pytest.raises(StoreUnavailable, match="is read-only") as caught:
            use()
        assert caught.value.retryable
        assert "planted" not in str(caught.value)
    assert store.find_token(ALICE) == alice  # it can still be read
    pair.switch()
    assert store.save_token(refreshed(alice)).version == alice.version + 1


def test_a_server_that_takes_changes_again_is_used_again(store: TokenStore, pair: Pair) -> None:
    alice = store.save_token(ALICE)
    pair.demote()
    with pytest.raises(StoreUnavailable, match="is read-only"):
        store.save_token(refreshed(alice))
    pair.promote()
    assert store.save_token(refreshed(alice)).version == alice.version + 1


def test_once_it_is_known_reads_are_of_the_new_primary_too(store: TokenStore, pair: Pair) -> None:
    alice = store.save_token(ALICE)
    pair.demote()
    pair.switch()
    with open_store(pair.url) as other:
        newer = other.save_token(refreshed(alice))
        other.save_token(BOB)
    store.save_token(BOB)
    assert store.find_token(ALICE) == newer
    assert store.find_token_by_id(str(alice.id)) == newer


def test_who_only_reads_sees_the_new_primary_when_a_connection_has_had_its_time(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LIFETIME_S", 1)
    monkeypatch.setattr(clients, "LIFETIME_S", 1.0)
    with open_store(pair.url) as store:
        alice = store.save_token(ALICE)
        pair.demote()
        pair.switch()
        with open_store(pair.url) as other:
            newer = other.save_token(refreshed(alice))
        until(lambda: store.find_token(ALICE) == newer, 10)


def test_where_nothing_was_ever_changed_it_stays_an_error_for_good(pair: Pair) -> None:
    with open_store(pair.url) as store:
        store.save_token(ALICE)
    pair.demote()
    if isinstance(pair, RedisPair):
        with pytest.raises(StoreUnavailable, match="is read-only") as caught:
            open_store(pair.url)
        assert not caught.value.retryable
        return
    with open_store(pair.url) as store:
        assert store.find_token(ALICE)
        with pytest.raises(StoreUnavailable, match="is read-only") as caught:
            store.save_token(BOB)
        assert not caught.value.retryable


def test_word_of_changes_is_heard_from_the_new_primary() -> None:
    with ExitStack() as stack:
        pair = RedisPair(stack)
        store = stack.enter_context(open_store(pair.url))
        alice = store.save_token(ALICE)
        until(lambda: store.change_counter() is not None)
        pair.demote()
        pair.switch()
        alice = store.save_token(refreshed(alice))
        until(lambda: store.change_counter() is not None)
        before = store.change_counter()
        with open_store(pair.url) as other:
            other.save_token(refreshed(alice))
        until(lambda: store.change_counter() not in (None, before))


def test_word_of_leases_is_heard_from_the_new_primary(
    postgresql_server: PostgreSQL,
    second_servers: Callable[[str], MariaDB | PostgreSQL],
) -> None:
    with ExitStack() as stack:
        pair = SQLPair(stack, postgresql_server, second_servers("postgresql"))
        store = stack.enter_context(open_store(pair.url))
        store.save_token(ALICE)
        watch = stack.enter_context(store.watch("1"))

        def heard_by(server: MariaDB | PostgreSQL) -> bool:
            watch.wait(0)
            url = server.url(pair.database.name).set(drivername="postgresql")
            place = url.render_as_string(hide_password=False)
            with closing(psycopg.connect(place, autocommit=True)) as connection:
                [count] = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
                    "AND datname = current_database()"
                ).fetchall()
            return count == (1,)

        until(lambda: heard_by(pair.first))
        pair.demote()
        pair.switch()
        store.save_token(BOB)
        until(lambda: heard_by(pair.second))


def test_codes_of_servers_that_go_down_are_lost_connections(database: Database) -> None:
    """Each by the real error of the driver, as the server would word it."""
    from evergrant.stores.sql.errors import ConnectionLost, Demoted, translate_error

    if "mysql" in database.url:
        import pymysql

        errors: list[Exception] = [
            pymysql.err.OperationalError(code, "planted")
            for code in (1053, 1927, 1047, 3100, 1290, 1792, 1836)
        ]
    else:
        errors = [
            psycopg.errors.lookup(state)("planted")
            for state in ("57P01", "57P02", "57P03", "08006", "25006")
        ]
    for error in errors:
        found = translate_error(error, "store", was_writable=True)
        assert isinstance(found, ConnectionLost), error
        assert found.retryable
        assert "planted" not in str(found)
    assert isinstance(translate_error(errors[-1], "store"), Demoted)
    assert not translate_error(errors[-1], "store").retryable
