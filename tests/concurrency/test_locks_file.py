"""What each lock of the file store guards: one act stops at every step, another one runs.

The other one has a handle of its own, as another process has it, or the same, as a thread does.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from evergrant._files import secure_files
from evergrant.errors import StoreUnavailable
from evergrant.sandbox import SandboxClock
from evergrant.stores import base, row_index
from evergrant.stores.file import FileStore, cached_file, leases, sidecar
from evergrant.stores.file import store as file_store
from evergrant.testing.sample_tokens import ALICE, BOB
from evergrant.token import Token
from tests.support.concurrency import lock_scenes
from tests.support.concurrency.acts import equal
from tests.support.concurrency.stepping import Scene, step_through

Handles = tuple[FileStore, FileStore]

OPENING = ("_make_ready", "create", "save", "atomic_replace")
"""Where one who opens a new store stands."""

SHORT = Token(user_name="a", access_token="planted-access")
"""It is found by little, each of which is a step."""


@pytest.fixture(autouse=True)
def _no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock(frozen=True)


@pytest.fixture(params=["one handle", "two handles"])
def handles(
    request: pytest.FixtureRequest, tmp_path: Path, clock: SandboxClock
) -> Iterator[Handles]:
    path = tmp_path / "tokens.csv"
    with FileStore(path, clock=clock) as one, FileStore(path, clock=clock) as two:
        yield one, (one if request.param == "one handle" else two)


@pytest.fixture
def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


def test_a_new_store_can_be_opened_by_two_at_the_same_moment(tmp_path: Path) -> None:
    numbers = count()

    def scene() -> Scene:
        path = tmp_path / str(next(numbers)) / "tokens.csv"

        def save_first() -> None:
            with FileStore(path) as store:
                assert store.save_token(SHORT).id == "1"

        return Scene(
            lambda: FileStore(path).close(),
            save_first,
            lambda: equal((sidecar.Sidecar(str(path)).last_number, 1)),
        )

    step_through(scene, file_store, secure_files, sidecar, within=OPENING)


def test_of_two_who_save_the_same_row_one_loses(handles: Handles) -> None:
    step_through(lambda: lock_scenes.saves(*handles), file_store)


def test_a_note_loses_nobodys_change(handles: Handles) -> None:
    step_through(lambda: lock_scenes.amendments(*handles), base)


def test_a_lease_is_granted_once(handles: Handles) -> None:
    step_through(lambda: lock_scenes.leases(*handles), leases)


@pytest.mark.usefixtures("without_links")
def test_a_lease_without_links_is_granted_once(handles: Handles) -> None:
    step_through(lambda: lock_scenes.leases(*handles), leases)


def test_a_lease_that_ran_out_is_taken_over_once(handles: Handles, clock: SandboxClock) -> None:
    def scene() -> Scene:
        handles[0].lease("1", 1)
        clock.advance(seconds=2)
        return lock_scenes.leases(*handles)

    step_through(scene, leases)


def test_who_gives_back_late_takes_nobody_elses_lease(
    handles: Handles, clock: SandboxClock
) -> None:
    step_through(lambda: lock_scenes.release_and_takeover(handles[0], clock, handles[1]), leases)


def test_who_extends_late_has_not_what_another_took_over(
    handles: Handles, clock: SandboxClock
) -> None:
    step_through(lambda: lock_scenes.extension_and_takeover(handles[0], clock, handles[1]), leases)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileStore]:
    with FileStore(tmp_path / "tokens.csv") as store:
        yield store


@pytest.fixture
def other(store: FileStore, tmp_path: Path) -> Iterator[FileStore]:
    """Another process's."""
    with FileStore(tmp_path / "tokens.csv") as other:
        yield other


LOOKS = pytest.mark.parametrize(
    "look",
    [lambda store: store.change_counter(), lambda store: store.get_tokens()],
    ids=["generation", "look-up"],
)


@LOOKS
def test_no_number_of_changes_stands_for_two_contents(
    store: FileStore, other: FileStore, look: Callable[[FileStore], object]
) -> None:
    def scene() -> Scene:
        before, after = store.change_counter(), list[int]()
        other.save_token(ALICE)

        def check() -> None:
            assert before not in after

        return Scene(lambda: look(store), lambda: after.append(store.change_counter()), check)

    step_through(scene, cached_file)


def test_a_save_in_this_process_has_a_number_of_its_own(store: FileStore) -> None:
    def scene() -> Scene:
        read = store.save_token(ALICE)
        before, seen = store.change_counter(), list[tuple[int, int]]()

        def look() -> None:
            version = store.get_tokens()[0].version  # first: the number is that of no later save
            seen.append((store.change_counter(), version))

        def check() -> None:
            assert (before, read.version + 1) not in seen

        return Scene(lambda: store.save_token(read), look, check)

    step_through(scene, cached_file)


@LOOKS
def test_a_closed_store_remembers_no_token(
    store: FileStore, look: Callable[[FileStore], object], tmp_path: Path
) -> None:
    store.save_token(ALICE)

    def scene() -> Scene:
        closing = FileStore(tmp_path / "tokens.csv", read_only=True)

        def first() -> None:
            with suppress(StoreUnavailable):
                look(closing)

        return Scene(first, closing.close, lambda: equal((closing._known._table.all_keys(), [])))

    step_through(scene, file_store, cached_file)


def test_a_look_up_while_its_row_is_deleted(store: FileStore) -> None:
    def scene() -> Scene:
        id_ = str(store.save_token(SHORT).id)
        return Scene(
            lambda: store.find_token(Token(user_name=SHORT.user_name)),
            lambda: store.delete_token(id_),
            lambda: equal((store.get_tokens(), [])),
        )

    step_through(scene, row_index)


def test_what_the_official_store_writes_at_the_beginning_of_a_save_is_not_lost(
    store: FileStore, tmp_path: Path
) -> None:
    with FileStore(tmp_path / "theirs.csv") as theirs:
        theirs.save_token(replace(BOB, id="77"))
    line = (tmp_path / "theirs.csv").read_bytes().splitlines(keepends=True)[-1]

    def scene() -> Scene:
        def save() -> None:
            with suppress(StoreUnavailable):  # try again
                store.save_token(ALICE)

        def write() -> None:
            with (tmp_path / "tokens.csv").open("ab") as file:
                file.write(line)
            store.change_counter()

        return Scene(save, write, lambda: store.delete_token("77"))

    step_through(scene, file_store, within=["_transaction"], opcodes=True)


def test_a_look_up_while_another_thread_ends_its_save(store: FileStore) -> None:
    store.save_token(ALICE)

    def scene() -> Scene:
        begun, go_on = threading.Event(), threading.Event()

        def save() -> None:
            with store._transaction():
                begun.set()
                go_on.wait(30)

        saver = threading.Thread(target=save)
        saver.start()
        begun.wait(30)

        def end() -> None:
            go_on.set()
            saver.join()

        return Scene(store.get_tokens, end, lambda: None)

    step_through(scene, file_store, within=["_read_table"], opcodes=True)
