"""What each lock of the SQL store guards: one thread stops at every step, another acts."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import make_url

from evergrant.stores import base
from evergrant.stores.leases import Watch
from evergrant.stores.sql import SQLStore, engine, leases, notifications, pool
from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.notifications import NotificationListener
from evergrant.testing.sample_tokens import ALICE
from tests.support.concurrency import lock_scenes
from tests.support.concurrency.acts import Threads, equal
from tests.support.concurrency.stepping import Scene, run_on, step_through
from tests.support.servers.databases import Database


@pytest.fixture
def store(postgresql: Database) -> Iterator[SQLStore]:
    with SQLStore(postgresql.url) as store:
        yield store


@pytest.fixture(params=["one handle", "two handles"])
def other(
    request: pytest.FixtureRequest, store: SQLStore, postgresql: Database
) -> Iterator[SQLStore]:
    if request.param == "one handle":
        yield store
    else:
        with SQLStore(postgresql.url) as other:
            yield other


def test_of_two_who_save_the_same_row_one_loses(store: SQLStore, other: SQLStore) -> None:
    step_through(lambda: lock_scenes.saves(store, other), base)


def test_a_note_loses_nobodys_change(store: SQLStore, other: SQLStore) -> None:
    step_through(lambda: lock_scenes.amendments(store, other), base)


def test_a_lease_is_granted_once(store: SQLStore, other: SQLStore) -> None:
    step_through(lambda: lock_scenes.leases(store, other), leases)


def test_writers_who_wait_leave_connections_to_those_who_read(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (engine, pool):
        monkeypatch.setattr(module, "CONNECTIONS", 2)
    monkeypatch.setattr(pool, "WAIT_S", 0)
    with SQLStore(postgresql.url) as store:
        saved = store.save_token(ALICE)

        def scene() -> Scene:
            writer = threading.Thread(target=store.save_token, args=(ALICE,))

            def read() -> None:
                writer.start()
                run_on(writer)
                store.find_token_by_id(str(saved.id))

            return Scene(lambda: store.save_token(ALICE), read, writer.join)

        step_through(scene, base, within=["_try_save"])


@pytest.fixture
def connections() -> Iterator[Connections]:
    """Lead nowhere: what is heard does not matter here."""
    url = make_url("postgresql+psycopg://nobody@127.0.0.1:1/none")
    made = Connections(url, store="postgresql:", timeout=1)
    yield made
    made.close()


def test_one_thread_listens(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads()
    monkeypatch.setattr(notifications, "threading", threads)

    def scene() -> Scene:
        heard = NotificationListener(connections)
        threads.begun.clear()
        return Scene(heard.start, heard.start, lambda: equal((len(threads.begun), 1)))

    step_through(scene, notifications)


def test_who_could_not_listen_does_not_try_again_at_once(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.close()
    threads = Threads()
    monkeypatch.setattr(notifications, "threading", threads)

    def scene() -> Scene:
        heard = NotificationListener(connections)
        threads.begun.clear()
        heard.start()
        [listen] = threads.begun
        return Scene(listen, heard.start, lambda: equal((len(threads.begun), 1)))

    step_through(scene, notifications)


def test_who_connects_before_the_server_moved_does_not_go_on_listening_there(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "IDLE_S", math.inf)
    there = store._connections
    connect = there.separate

    def connect_and_move() -> Any:
        connection = connect()
        there._pool.moves += 1
        return connection

    monkeypatch.setattr(there, "separate", connect_and_move)
    listener = threading.Thread(target=NotificationListener(there)._listen)
    listener.start()
    listener.join(5)
    ended = not listener.is_alive()
    store.close()
    listener.join()
    assert ended


@pytest.mark.parametrize("all_of_them", [True, False])
@pytest.mark.parametrize("begins", [True, False])
def test_all_are_woken_while_a_watch_begins_or_ends(
    connections: Connections, *, all_of_them: bool, begins: bool
) -> None:
    def scene() -> Scene:
        heard = NotificationListener(connections)
        watches = [heard.watch("table", "1") for _ in range(3)]

        def wake() -> None:
            if all_of_them:
                heard._set_listening(hears=True)
            else:
                heard._wake("table 1")

        def change() -> None:
            if begins:
                watches.append(heard.watch("table", "1"))
            else:
                watches[2].__exit__()

        def check() -> None:
            equal((all(_is_woken(watch) for watch in watches[:2]), True))

        return Scene(wake, change, check)

    step_through(scene, notifications)


def _is_woken(watch: Watch) -> bool:
    assert isinstance(watch, notifications._NotifiedWatch)
    return watch.heard.is_set()
