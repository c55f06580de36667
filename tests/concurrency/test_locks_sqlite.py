"""What each lock of the SQLite store guards: one thread stops at every step, another acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from evergrant.errors import StoreUnavailable
from evergrant.sandbox import SandboxClock
from evergrant.stores import base
from evergrant.stores.sqlite import SQLiteStore, connections
from evergrant.stores.sqlite import store as sqlite_store
from evergrant.stores.sqlite.connections import Connection, Connections
from evergrant.testing.sample_tokens import ALICE
from tests.support.concurrency import lock_scenes
from tests.support.concurrency.acts import equal
from tests.support.concurrency.stepping import Scene, step_through

Handles = tuple[SQLiteStore, SQLiteStore]


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock(frozen=True)


@pytest.fixture(params=["memory", "one handle", "two handles"])
def handles(
    request: pytest.FixtureRequest, tmp_path: Path, clock: SandboxClock
) -> Iterator[Handles]:
    path = ":memory:" if request.param == "memory" else tmp_path / "tokens.db"
    with SQLiteStore(path, clock=clock) as one, SQLiteStore(path, clock=clock) as two:
        yield one, (two if request.param == "two handles" else one)


def test_of_two_who_save_the_same_row_one_loses(handles: Handles) -> None:
    step_through(lambda: lock_scenes.saves(*handles), sqlite_store)


def test_a_note_loses_nobodys_change(handles: Handles) -> None:
    step_through(lambda: lock_scenes.amendments(*handles), base)


def test_a_lease_is_granted_once(handles: Handles) -> None:
    step_through(lambda: lock_scenes.leases(*handles), sqlite_store)


def test_who_gives_back_late_takes_nobody_elses_lease(
    handles: Handles, clock: SandboxClock
) -> None:
    one, two = handles
    step_through(lambda: lock_scenes.release_and_takeover(one, clock, two), sqlite_store)


def test_who_extends_late_has_not_what_another_took_over(
    handles: Handles, clock: SandboxClock
) -> None:
    one, two = handles
    step_through(lambda: lock_scenes.extension_and_takeover(one, clock, two), sqlite_store)


@pytest.mark.parametrize(
    "second", [lambda store: store.save_token(ALICE), SQLiteStore.purge_deleted]
)
@pytest.mark.parametrize(
    "first", [lambda store: store.save_token(ALICE), SQLiteStore.purge_deleted]
)
def test_who_writes_waits_for_another_thread_however_short_its_patience_with_programs(
    tmp_path: Path,
    first: Callable[[SQLiteStore], object],
    second: Callable[[SQLiteStore], object],
) -> None:
    with SQLiteStore(tmp_path / "tokens.db", timeout=0) as store:

        def scene() -> Scene:
            return Scene(partial(first, store), partial(second, store), lambda: None)

        step_through(scene, sqlite_store, within=["_change", "_insert", "_update", "purge_deleted"])


def test_threads_that_share_a_database_in_memory_open_one() -> None:
    def scene() -> Scene:
        shared = Connections(
            lambda: Connection(":memory:", store="sqlite:", timeout=0),
            shared=True,
            survives_fork=True,
        )
        used: list[Connection] = []

        def use() -> None:
            used.append(shared.acquire())
            used[-1].lock.release()

        def check() -> None:
            assert used[0] is used[1]
            shared.close()

        return Scene(use, use, check)

    step_through(scene, connections)


def test_what_is_opened_while_the_store_is_closed_is_closed_too() -> None:
    def scene() -> Scene:
        opened: list[Connection] = []

        def connect() -> Connection:
            opened.append(Connection(":memory:", store="sqlite:", timeout=0))
            return opened[-1]

        closing = Connections(connect)

        def use() -> None:
            with suppress(StoreUnavailable):
                closing.acquire().lock.release()

        return Scene(use, closing.close, lambda: equal((any(c.is_open for c in opened), False)))

    step_through(scene, connections)


def test_a_store_is_not_closed_in_the_middle_of_a_look_up(tmp_path: Path) -> None:
    def scene() -> Scene:
        closing = SQLiteStore(tmp_path / "tokens.db")

        def look() -> None:
            try:
                closing.find_users("alice")
            except StoreUnavailable as error:
                equal((error.message, "the store was closed"))

        return Scene(look, closing.close, lambda: None)

    step_through(scene, connections)
