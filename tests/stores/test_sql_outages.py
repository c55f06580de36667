"""Servers that go away: what was not saved is said, and what comes back is used again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.sql import SQLStore
from evergrant.stores.sql.statements import Statement
from evergrant.testing.contract_sharing import run_in_threads
from evergrant.testing.sample_tokens import ALICE, BOB, SECRETS, grant, refreshed
from evergrant.token import Token
from tests.support.servers.databases import Database
from tests.support.stores.file_store import story
from tests.support.stores.sql_store import elsewhere, in_background, until_waiting
from tests.support.waiting import until


@pytest.fixture
def store(database: Database) -> Iterator[SQLStore]:
    with SQLStore(database.url) as store:
        yield store


def kill_all(database: Database) -> None:
    """End every connection to a database, as an administrator may."""
    if "mysql" in database.url:
        for (number,) in database.execute(
            f"SELECT id FROM information_schema.processlist WHERE db = '{database.name}' "
            "AND id != CONNECTION_ID()"
        ):
            database.execute(f"KILL {number}")
    else:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database.name}' AND pid != pg_backend_pid()"
        )


def test_a_server_that_restarts_is_not_noticed(store: SQLStore, database: Database) -> None:
    alice = store.save_token(ALICE)
    database.server.restart()
    assert store.find_token(ALICE) == alice
    database.server.restart()
    bob = store.save_token(BOB)
    database.server.restart()
    with store.lease(str(bob.id), 60) as lease:
        assert lease
    database.server.restart()
    assert store.get_tokens() == [alice, bob]


def test_a_server_that_is_down_says_so_and_is_used_again_when_it_is_up(
    store: SQLStore, database: Database
) -> None:
    alice = store.save_token(ALICE)
    database.server.stop()
    try:
        for use in (
            lambda: store.find_token(ALICE),
            lambda: store.save_token(refreshed(ALICE)),
            lambda: store.lease("1", 1),
            lambda: store.delete_token("1"),
            store.get_tokens,
            lambda: open_store(database.url),
        ):
            with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
                use()
            assert caught.value.retryable
            assert "planted" not in f"{caught.value}"
    finally:
        database.server.start()
    assert store.find_token(ALICE) == alice
    assert store.save_token(refreshed(alice)).version == 2


def test_a_server_that_says_nothing_is_given_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel goes on confirming what is sent, so that no timeout of TCP ever comes."""
    monkeypatch.setattr("evergrant.stores.sql.read_timeout.READ_TIMEOUT_S", 1.0)
    limits = "read_timeout=1&" if "mysql" in database.url else ""
    url = f"{database.url}{'&' if '?' in database.url else '?'}{limits}connect_timeout=2"
    with SQLStore(url) as store:
        alice = store.save_token(ALICE)
        database.server.freeze()
        try:
            with pytest.raises(StoreUnavailable) as caught:
                store.find_token(ALICE)
            assert caught.value.retryable
        finally:
            database.server.thaw()
        assert store.find_token(ALICE) == alice


def test_a_connection_that_dies_in_the_middle_of_a_save_saves_nothing(
    store: SQLStore, database: Database
) -> None:
    alice = store.save_token(ALICE)

    def change_twice() -> None:
        with store._transaction():
            assert store._delete(str(alice.id))
            kill_all(database)
            store._next_number()

    with pytest.raises(StoreUnavailable, match=r"connection .* was lost") as caught:
        change_twice()
    assert caught.value.retryable
    assert store.get_tokens() == [alice]


def test_a_connection_that_dies_at_the_very_end_leaves_it_open_whether_it_saved(
    store: SQLStore, database: Database
) -> None:
    alice = store.save_token(ALICE)

    def change_once() -> None:
        with store._transaction():
            assert store._delete(str(alice.id))
            kill_all(database)

    with pytest.raises(StoreUnavailable, match="may or may not have saved"):
        change_once()
    assert store.get_tokens() == [alice]


def test_connections_that_were_hung_up_on_are_replaced(store: SQLStore, database: Database) -> None:
    alice = store.save_token(ALICE)
    for _ in range(3):
        kill_all(database)
        assert store.find_token(ALICE) == alice
    kill_all(database)
    assert store.save_token(refreshed(ALICE)).version == 2


def test_a_column_that_is_widened_meanwhile_is_not_noticed(
    store: SQLStore, database: Database
) -> None:
    alice = store.save_token(ALICE)
    # By now a driver has prepared what it is asked for, on each of its connections.
    run_in_threads(lambda number: [store.find_token(grant(f"{number}-{n}")) for n in range(10)], 20)
    for _ in range(8):
        alice = store.save_token(refreshed(alice))
    modify = "MODIFY access_token" if "mysql" in database.url else "ALTER access_token TYPE"
    uses: list[Callable[[], Token | None]] = [
        lambda: store.find_token(ALICE),
        lambda: store.save_token(refreshed(ALICE)),
        lambda: store.get_tokens()[0],
    ]
    for width, use in enumerate(uses, 300):
        database.execute(f"ALTER TABLE oauthtoken {modify} varchar({width})")
        found = use()
        assert found is not None
        assert found.id == alice.id
        for _ in range(8):
            store.save_token(refreshed(ALICE))


def test_a_listing_that_breaks_off_shows_nothing_of_what_it_had_read(
    store: SQLStore, database: Database
) -> None:
    store.save_token(ALICE)
    listing = store.iter_tokens()
    next(listing)
    database.execute("DROP TABLE oauthtoken")
    with pytest.raises(StoreUnavailable, match="is missing") as caught:
        next(listing)
    assert SECRETS not in story(caught.value)


def change(connection: Connection, user: str) -> None:
    connection.exec_driver_sql(
        "UPDATE oauthtoken SET redirect_url = 'theirs' WHERE user_name = %s", (user,)
    )


def test_another_program_that_holds_a_row_is_waited_for(
    store: SQLStore, database: Database
) -> None:
    store.save_token(ALICE)
    with elsewhere(database) as other:
        change(other, str(ALICE.user_name))
        with in_background(lambda: store.save_token(refreshed(ALICE))) as results:
            until_waiting(database)
            assert store.find_token(ALICE) is not None  # readers do not wait
            other.commit()
    (saved,) = results
    assert isinstance(saved, Token)
    assert saved.version == 2


def test_another_program_that_holds_a_row_for_too_long_is_an_error(database: Database) -> None:
    with SQLStore(database.url, timeout=1) as store, elsewhere(database) as other:
        alice = store.save_token(ALICE)
        change(other, str(ALICE.user_name))
        with pytest.raises(StoreUnavailable, match="locked by another program") as caught:
            store.save_token(refreshed(ALICE))
        assert caught.value.retryable
        other.rollback()
        assert store.get_tokens() == [alice]


def test_a_deadlock_with_another_program_loses_no_save(store: SQLStore, database: Database) -> None:
    owner = store.save_token(ALICE)
    login = refreshed(ALICE, refresh_token="second", grant_token=None)
    nameless = store.save_token(Token(refresh_token="second", client_id=ALICE.client_id))
    with elsewhere(database) as other:
        for n in range(20):  # MySQL undoes the transaction that has changed less
            other.exec_driver_sql(f"INSERT INTO oauthtoken (id) VALUES ('x{n}')")
        other.exec_driver_sql(
            "UPDATE oauthtoken SET redirect_url = 'theirs' WHERE id = %s", (nameless.id,)
        )
        # It locks its owner's row, then wants the nameless one.
        with in_background(lambda: store.save_token(login)) as results:
            until_waiting(database)
            # Which of the two the server breaks off is its choice; it is ours as a rule.
            with suppress(OperationalError):
                change(other, str(ALICE.user_name))
            other.rollback()
    (saved,) = results
    assert isinstance(saved, Token), saved
    assert (saved.id, saved.refresh_token) == (owner.id, "second")
    assert store.get_tokens() == [saved]


def test_a_store_that_was_closed_says_so(store: SQLStore) -> None:
    store.close()
    with pytest.raises(StoreUnavailable, match="the store was closed") as caught:
        store.find_token(ALICE)
    assert not caught.value.retryable


def test_a_store_that_is_closed_while_it_is_used_leaves_no_connection_open(
    database: Database,
) -> None:
    mysql = "mysql" in database.url
    asleep = Statement(f"SELECT {'SLEEP' if mysql else 'pg_sleep'}(1)", None)
    count = (
        f"SELECT count(*) FROM information_schema.processlist WHERE db = '{database.name}' "
        "AND id != CONNECTION_ID()"
        if mysql
        else f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.name}' "
        "AND pid != pg_backend_pid()"
    )
    with SQLStore(database.url) as store, in_background(lambda: store._connections.run(asleep)):
        until(store._connections.engine.pool.checkedout)  # type: ignore[attr-defined]
        store.close()
    until(lambda: database.execute(count) == [(0,)])


def test_more_threads_than_connections_wait_for_one(store: SQLStore) -> None:
    def use(thread: int) -> None:
        for n in range(5):
            store.save_token(grant(f"{thread}-{n}"))
            assert store.find_token(grant(f"{thread}-{n}")) is not None

    run_in_threads(use, 30)
    assert len(store.get_tokens()) == 150
