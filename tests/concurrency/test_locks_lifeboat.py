"""What the locks around the lifeboat guard: see `test_locks`."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant._core import saver
from evergrant._core.revocation import delete_grant
from evergrant._core.saver import Saver
from evergrant._lifeboat import outbox
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._lifeboat.restore_result import RestoreOutcome, RestoreResult
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from tests.support.concurrency.acts import equal
from tests.support.concurrency.stepping import Scene, step_through
from tests.support.keeper.lifeboat import TOKEN, boat, files, locked
from tests.support.keeper.saver_scene import ALICE, HOUR, NOW

OTHER = replace(TOKEN, id="8", refresh_token="1000.r8", access_token="1000.a8")
LATER = replace(ALICE, refresh_token="1000.r2", access_token="1000.a2", expires_at=NOW + HOUR)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "boat"


def emptied(folder: Path) -> Path:
    for file in files(folder) if folder.exists() else []:
        file.unlink()
    return folder


def damaged(folder: Path, token: Token) -> Path:
    path = boat(folder).add(token)
    assert path
    path.write_text("{}")
    return path


def unwritable(folder: Path) -> Path:
    """Return a folder that cannot be: what waits there is in memory only."""
    folder.touch()
    return folder / "below a file"


def restored(outbox: Lifeboat, taken: Counter[str | None]) -> None:
    def save(token: Token) -> RestoreResult:
        taken[token.id] += 1
        return RestoreResult(token, RestoreOutcome.RESTORED)

    outbox.restore(save)


@pytest.mark.parametrize("reader", ["occupied", "waiting"])
def test_a_file_that_two_find_waits_once(folder: Path, reader: str) -> None:
    def scene() -> Scene:
        one = boat(folder)
        boat(emptied(folder)).add(TOKEN)

        def look() -> object:
            return one.has_pending if reader == "occupied" else one.pending()

        return Scene(look, look, lambda: equal((one.pending(), [TOKEN])))

    step_through(scene, outbox)


def test_a_file_that_another_finds_meanwhile_is_restored_once(folder: Path) -> None:
    def scene() -> Scene:
        one, taken = boat(folder), Counter[str | None]()
        boat(emptied(folder)).add(TOKEN)
        return Scene(
            one.pending, lambda: restored(one, taken), lambda: equal((taken, {TOKEN.id: 1}))
        )

    step_through(scene, outbox)


def test_a_token_that_two_put_in_has_one_file(folder: Path) -> None:
    def scene() -> Scene:
        one = boat(emptied(folder))
        one.has_pending  # noqa: B018 - the look
        return Scene(
            lambda: one.add(TOKEN), lambda: one.add(TOKEN), lambda: equal((len(files(folder)), 1))
        )

    step_through(scene, outbox)


@pytest.mark.parametrize("how", ["removed", "dropped"])
def test_a_token_that_leaves_while_another_comes_stays_away(folder: Path, how: str) -> None:
    nowhere = unwritable(folder)

    def scene() -> Scene:
        one = boat(nowhere)
        one.add(TOKEN)

        def leave() -> None:
            one.remove(TOKEN) if how == "removed" else one.discard(TOKEN)

        return Scene(lambda: one.add(OTHER), leave, lambda: equal((one.pending(), [OTHER])))

    step_through(scene, outbox)


def test_a_token_that_comes_while_another_is_restored_is_not_lost(folder: Path) -> None:
    nowhere = unwritable(folder)

    def scene() -> Scene:
        one, taken = boat(nowhere), Counter[str | None]()
        one.add(TOKEN)

        def check() -> None:
            restored(one, taken)
            equal((taken, {TOKEN.id: 1, OTHER.id: 1}))

        return Scene(lambda: restored(one, taken), lambda: one.add(OTHER), check)

    step_through(scene, outbox, within=("_remove_entry",), opcodes=True)


def test_a_token_that_leaves_while_it_gets_its_file_has_none(folder: Path) -> None:
    def scene() -> Scene:
        one = boat(unwritable(folder).parent)
        one.add(TOKEN)
        folder.unlink()
        folder.mkdir(mode=0o700)

        def check() -> None:
            equal((one.pending(), []), (files(folder), []))
            folder.rmdir()

        return Scene(lambda: one.restore(locked), lambda: one.remove(TOKEN), check)

    step_through(scene, outbox)


def test_a_damaged_file_is_moved_aside_by_one(folder: Path) -> None:
    def scene() -> Scene:
        path, one = damaged(emptied(folder), TOKEN), boat(folder)
        moved: list[tuple[Path, Path]] = []

        def repair() -> None:
            moved.extend(one.repair())

        return Scene(repair, repair, lambda: equal(([before for before, _ in moved], [path])))

    step_through(scene, outbox, within=("repair",))


def test_files_are_listed_while_another_turns_out_to_be_damaged(folder: Path) -> None:
    def scene() -> Scene:
        first, one = damaged(emptied(folder), TOKEN), boat(folder)
        one.pending()

        def find_another() -> None:
            damaged(folder, OTHER)
            one.pending()

        return Scene(one.paths, find_another, lambda: equal((first in one.paths(), True)))

    paths = sys.modules[Path.__hash__.__module__]
    step_through(scene, paths, within=("__hash__",))


def test_what_is_deleted_while_it_is_restored_does_not_come_back(folder: Path) -> None:
    def scene() -> Scene:
        store, one = MemoryStore(clock=lambda: NOW), boat(emptied(folder))
        keeps = Saver(store, one, lambda _: None, lambda: NOW)
        row = store.save_token(LATER)
        one.add(replace(ALICE, id=row.id))  # what its user had before
        return Scene(
            keeps.restore_pending,
            lambda: delete_grant(row, store, keeps),
            lambda: equal((store.get_tokens(), []), (one.pending(), [])),
        )

    step_through(scene, saver)
