"""Who waits for a lease on PostgreSQL is told of its end, and is none the worse without."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from evergrant.stores import open_store
from evergrant.stores.leases import Watch
from evergrant.stores.sql import SQLStore, notifications
from evergrant.stores.sql.notifications import NotificationListener
from evergrant.stores.sql.statements import Statement
from evergrant.testing.contract_files import run_in_fork
from evergrant.testing.contract_sharing import run_in_threads
from tests.support.servers.databases import Database
from tests.support.stores.sql_store import in_background, official_table
from tests.support.stores.sqlite_store import finish, start
from tests.support.waiting import until

NEVER = 60.0
"""Seconds that a test does not wait: who does was not told."""

SOON = 20.0
"""Seconds within which it is told, on the busiest machine."""


@pytest.fixture
def store(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLStore]:
    monkeypatch.setattr(notifications, "MAX_WAIT_S", NEVER)
    with SQLStore(postgresql.url) as store:
        yield store


def ear_of(store: SQLStore) -> NotificationListener:
    assert store._listening
    return store._listening


def listening_watch(store: SQLStore, id_: str = "1") -> Watch:
    """Return a watch that hears by now, and has got over being woken by that."""
    watch = store.watch(id_)
    watch.wait(0)
    ear = ear_of(store)
    until(lambda: ear.hears)
    with ear._lock:
        for one in ear._watches:
            one.heard.clear()
    return watch


def took(watch: Watch, seconds: float = NEVER) -> float:
    """Return how long a watch waits."""
    since = time.monotonic()
    watch.wait(seconds)
    return time.monotonic() - since


def listeners(database: Database) -> int:
    """Return how many connections to a database listen."""
    [(count,)] = database.execute(
        "SELECT count(*) FROM pg_stat_activity "
        f"WHERE datname = '{database.name}' AND query LIKE 'LISTEN%'"
    )
    return int(count)


def test_the_end_of_a_lease_wakes_who_waits_for_it(store: SQLStore, postgresql: Database) -> None:
    with SQLStore(postgresql.url) as other, listening_watch(store) as watch:
        for _ in range(3):
            lease = other.lease("1", NEVER)
            with in_background(lambda: took(watch)) as results:
                lease.release()
            assert results[0] < SOON


RELEASE = """
with open_store(sys.argv[1]) as store, store.lease("1", 60) as lease:
    print("ready", flush=True)
    sys.stdin.readline()
"""


def test_the_end_of_another_processs_lease_is_heard(store: SQLStore, postgresql: Database) -> None:
    process = start(RELEASE, postgresql.url)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    with listening_watch(store) as watch, in_background(lambda: took(watch)) as results:
        finish(process)
    assert results[0] < SOON
    assert store.lease("1", 1)


def test_what_was_said_before_the_wait_is_not_missed(store: SQLStore) -> None:
    for _ in range(5):
        with store.lease("1", NEVER), listening_watch(store) as watch:
            pass
        watch = listening_watch(store)
        store.lease("1", NEVER).release()
        assert took(watch) < SOON


def test_nobody_is_woken_by_another_tokens_lease(store: SQLStore, postgresql: Database) -> None:
    with (
        SQLStore(postgresql.url, table="other") as other,
        listening_watch(store) as watch,
        listening_watch(store, "2") as second,
    ):
        other.lease("1", NEVER).release()
        store.lease("2", NEVER).release()
        assert took(second) < SOON  # and so the word of the first has come as well
        assert took(watch, 0.3) >= 0.3


def test_only_the_holder_can_say_that_it_has_ended(store: SQLStore) -> None:
    with store.lease("1", NEVER), listening_watch(store) as watch:
        store._release("1", "somebody else")
        assert took(watch, 0.3) >= 0.3


def test_a_lease_is_given_back_in_one_statement(postgresql: Database) -> None:
    log = postgresql.server.folder / "log"
    with SQLStore(f"{postgresql.url}?options=-clog_statement%3Dall") as store:
        [(process,)] = store._run(Statement("SELECT pg_backend_pid()", None))
        lease = store.lease("1", 60)
        before = len(log.read_text())
        lease.release()
        after = log.read_text()[before:]
    assert after.count(f"[{process}] LOG") == 1
    assert after.index("DELETE FROM evergrant_lease") < after.index("pg_notify")


def test_all_of_a_process_listen_on_one_connection(store: SQLStore, postgresql: Database) -> None:
    assert listeners(postgresql) == 0
    watches = [listening_watch(store, str(number)) for number in range(5)]
    assert listeners(postgresql) == 1
    run_in_threads(lambda number: store.lease(str(number), 60).release(), 5)
    assert all(took(watch) < SOON for watch in watches)
    assert store._connections.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_who_need_not_wait_does_not_listen(store: SQLStore, postgresql: Database) -> None:
    with store.watch("1"), store.lease("1", NEVER):
        assert ear_of(store)._thread is None
    assert listeners(postgresql) == 0


def test_nobody_listens_for_ever(
    store: SQLStore, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening_watch(store):
        monkeypatch.setattr(notifications, "IDLE_S", 0.0)
        monkeypatch.setattr(notifications, "PAUSE_S", 0.0)
    until(lambda: not listeners(postgresql) and ear_of(store)._thread is None)
    monkeypatch.setattr(notifications, "IDLE_S", NEVER)
    with listening_watch(store) as watch:
        store.lease("1", NEVER).release()
        assert took(watch) < SOON


def test_a_closed_store_listens_no_more(postgresql: Database) -> None:
    with SQLStore(postgresql.url) as store:
        watch = listening_watch(store)
    until(lambda: not listeners(postgresql))
    assert took(watch) < SOON


def test_a_server_that_restarts_is_listened_to_again(store: SQLStore, postgresql: Database) -> None:
    with listening_watch(store) as watch:
        postgresql.server.stop()
        try:
            until(lambda: not ear_of(store).hears)
            assert took(watch) < SOON
            with store.watch("1") as another:
                assert took(another) < SOON
        finally:
            postgresql.server.start()

    def hears() -> bool:
        with store.watch("1") as watch:
            watch.wait(0)
            return ear_of(store).hears

    until(hears)
    with listening_watch(store) as watch:
        store.lease("1", NEVER).release()
        assert took(watch) < SOON


def test_a_connection_on_which_nothing_is_heard_is_not_trusted(
    store: SQLStore, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy may hand LISTEN to a connection that is another's by the next statement. Here it is
    # one to another database, in which nobody says anything.
    home = postgresql.server.url().set(drivername="postgresql")
    deaf = psycopg.connect(home.render_as_string(hide_password=False), autocommit=True)
    with closing(deaf), monkeypatch.context() as patch:
        patch.setattr(store._connections, "separate", lambda: deaf)
        with store.watch("1") as watch:
            watch.wait(0)
            until(lambda: "LISTEN" in deaf_query(postgresql, deaf))
            assert max(took(watch) for _ in range(10)) < SOON
            assert not ear_of(store).hears
        store.close()


def deaf_query(database: Database, connection: psycopg.Connection) -> str:
    [(query,)] = database.execute(
        f"SELECT query FROM pg_stat_activity WHERE pid = {connection.info.backend_pid}"
    )
    return str(query)


def test_a_child_listens_for_itself_and_leaves_the_parents_connection_alone(
    store: SQLStore, postgresql: Database
) -> None:
    with listening_watch(store) as watch:

        def work() -> None:
            with listening_watch(store) as own:
                store.lease("1", NEVER).release()
                assert took(own) < SOON
                assert listeners(postgresql) == 2

        _, status = os.waitpid(run_in_fork(work), 0)
        assert status == 0
        assert took(watch) < SOON  # of the child's lease
        store.lease("1", NEVER).release()
        assert took(watch) < SOON
        assert ear_of(store).hears


def test_nothing_of_it_is_an_error_or_shows_a_secret(
    store: SQLStore, postgresql: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with listening_watch(store):
        postgresql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{postgresql.name}' AND query LIKE 'LISTEN%'"
        )
        until(lambda: not ear_of(store).hears)
    until(lambda: caplog.messages)
    [message] = caplog.messages
    assert message.startswith("cannot listen for leases that are given back: ")
    assert "planted" not in message


def test_where_there_are_no_leases_there_is_nothing_to_hear(postgresql: Database) -> None:
    official_table(postgresql)
    with SQLStore(postgresql.url, read_only=True) as store, store.watch("1") as watch:
        assert took(watch) < SOON
    assert listeners(postgresql) == 0


def test_elsewhere_one_looks_from_time_to_time(mariadb: Database) -> None:
    with open_store(mariadb.url) as store, store.watch("1") as watch:
        assert took(watch) < SOON
