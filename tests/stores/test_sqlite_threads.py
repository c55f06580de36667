"""Many threads, one database: nothing is lost, nothing leaks, every change is seen."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from evergrant.errors import Conflict
from evergrant.stores import open_store
from evergrant.stores.rows import Row
from evergrant.stores.sqlite import SQLiteStore
from evergrant.stores.sqlite.connections import Connection
from evergrant.testing.sample_tokens import ALICE, BOB, NOON, grant, refreshed, stored_contents
from tests.support.stores.sqlite_store import execute


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


def together(count: int, work: Callable[[int], object]) -> None:
    """Run ``work`` in that many threads that all begin at the same moment."""
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait()
        work(number)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))


def fail_in_the_middle(store: SQLiteStore) -> None:
    with suppress(ZeroDivisionError), store._transaction():
        store._delete("1")
        1 / 0  # noqa: B018 - the failure


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite:///:memory:", "memory:", "list:"])
def test_eight_threads_save_fifty_users_each(path: Path, url: str) -> None:
    with open_store(url.format(path)) as store:
        together(8, lambda t: [store.save_token(grant(f"user{t}-{n}")) for n in range(50)])
        names = {token.user_name for token in stored_contents(store).values()}
        assert names == {f"user{t}-{n}@example.com:60001" for t in range(8) for n in range(50)}


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite:///:memory:", "memory:", "list:"])
def test_eight_threads_that_save_the_same_user_leave_one_row(path: Path, url: str) -> None:
    with open_store(url.format(path)) as store:
        together(8, lambda t: [store.save_token(refreshed(ALICE, t * 10 + n)) for n in range(10)])
        [token] = store.get_tokens()
        assert token.version == 80


def test_of_eight_threads_that_swap_the_same_version_one_wins(path: Path) -> None:
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        wins, losses = [], []

        def swap(number: int) -> None:
            try:
                wins.append(store.save_token(refreshed(saved, number), expected_version=1))
            except Conflict as error:
                losses.append(error)

        together(8, swap)
        assert (len(wins), len(losses)) == (1, 7)
        assert store.get_tokens() == wins


def test_of_eight_threads_one_gets_the_lease(path: Path) -> None:
    with SQLiteStore(path) as store:
        granted: list[bool] = []
        together(8, lambda _: granted.append(bool(store.lease("1", 60))))
        assert sorted(granted) == [False] * 7 + [True]


def test_a_leases_time_is_taken_when_it_is_its_turn(path: Path) -> None:
    # Taken before, it may be earlier than that of the one who was faster, who then seems to come
    # from the future.
    with SQLiteStore(path) as store:
        turns: list[bool] = []

        def now() -> datetime:
            turns.append(store._connections._own.connection.in_transaction)
            return NOON

        store._clock = now
        assert store.lease("1", 60)
        assert turns == [True]


def test_a_reader_beside_a_writer_never_misses_a_row(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.save_token(ALICE)
        done = threading.Event()
        seen: list[bool] = []

        def read() -> None:
            while not done.is_set():
                seen.append(
                    store.find_token(ALICE) is not None
                    and any(token.user_name == ALICE.user_name for token in store.get_tokens())
                )

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(100):
            store.save_token(refreshed(ALICE, number))
            store.save_token(refreshed(BOB, number))
        done.set()
        reader.join()
        assert seen
        assert all(seen)


def test_threads_that_end_leave_no_connection(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.save_token(ALICE)
        for _ in range(3):
            together(8, lambda _: store.find_token(ALICE))
        gc.collect()
        assert len(store._connections._all) == 1


def test_a_connection_that_nobody_refers_to_is_closed_not_only_dropped() -> None:
    class Recorded(Connection):
        def close(self) -> None:
            closed.append(self.is_open)
            super().close()

    closed: list[bool] = []
    connection = Recorded(":memory:", store="sqlite://", timeout=0)
    assert closed == []
    del connection
    gc.collect()
    assert closed == [True]


def test_writers_of_one_process_queue_and_do_not_meet_sqlites_lock(path: Path) -> None:
    with SQLiteStore(path, timeout=0) as store, ThreadPoolExecutor(1) as thread:
        with store._transaction():
            store._delete("7")
            save = thread.submit(store.save_token, ALICE)
            with suppress(TimeoutError):
                save.result(timeout=0.05)
        assert save.result().version == 1


def test_a_store_that_nobody_closed_leaves_no_connection(path: Path) -> None:
    store = SQLiteStore(path)
    store.save_token(ALICE)
    store.change_counter()
    del store
    gc.collect()
    assert [file.name for file in path.parent.iterdir()] == ["tokens.db"]


def test_close_waits_for_a_save_and_ends_every_threads_connection(path: Path) -> None:
    store = SQLiteStore(path)
    inside, go_on = threading.Event(), threading.Event()

    def save() -> None:
        with store._transaction():
            inside.set()
            go_on.wait()
            store._insert(Row(("7", "late", *[None] * 3, "planted-access", *[None] * 9, 1)))

    writer = threading.Thread(target=save)
    writer.start()
    inside.wait()
    closer = threading.Thread(target=store.close)
    closer.start()
    go_on.set()
    writer.join()
    closer.join()
    assert execute(path, "SELECT user_name FROM oauthtoken") == [("late",)]
    assert [file.name for file in path.parent.iterdir()] == ["tokens.db"]


def test_the_generation_stays_while_nothing_changes(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.save_token(ALICE)
        before = store.change_counter()
        store.find_token(ALICE)
        store.get_tokens()
        assert store.change_counter() == before
        together(4, lambda _: store.find_token(ALICE))
        assert store.change_counter() == before


@pytest.mark.parametrize("where", ["here", "another thread", "another store", "another program"])
def test_the_generation_changes_with_every_change_wherever_it_is_made(
    path: Path, where: str
) -> None:
    with SQLiteStore(path) as store, SQLiteStore(path) as other:
        store.save_token(ALICE)
        generations = [store.change_counter()]
        for number in range(3):
            if where == "here":
                store.save_token(refreshed(ALICE, number))
            elif where == "another thread":
                together(1, lambda n: store.save_token(refreshed(ALICE, n)))
            elif where == "another store":
                other.save_token(refreshed(ALICE, number))
            else:
                execute(path, "UPDATE oauthtoken SET access_token = access_token || 'x'")
            generations.append(store.change_counter())
        assert len(set(generations)) == 4


def test_the_generation_of_a_database_in_memory_changes_with_every_change() -> None:
    with open_store("sqlite:///:memory:") as store:
        generations = [store.change_counter()]
        saved = store.save_token(ALICE)
        generations.append(store.change_counter())
        store.delete_token(str(saved.id))
        generations.append(store.change_counter())
        assert len(set(generations)) == 3
        assert store.change_counter() == generations[-1]


def test_a_save_that_failed_leaves_nothing_behind_and_the_connection_usable(path: Path) -> None:
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        fail_in_the_middle(store)
        assert store.get_tokens() == [saved]
        assert store.save_token(refreshed(ALICE)).version == 2


def test_a_long_listing_reads_every_row_once_and_lets_others_write(path: Path) -> None:
    with open_store("sqlite:///:memory:") as store:
        for number in range(1100):
            store.save_token(grant(f"user{number}"))
        listing = store.iter_tokens()
        first = next(listing)
        store.save_token(refreshed(first))
        store.delete_token("1100")
        seen = [first, *listing]
        assert [token.id for token in seen] == [str(number) for number in range(1, 1100)]
