"""What the locks around the lifeboat guard: see `test_locks`."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from acts import equal
from evergrant.keeping import lifeboat, saver
from evergrant.keeping.boarding import Boarding, Fate
from evergrant.keeping.deletion import delete
from evergrant.keeping.lifeboat import Lifeboat
from evergrant.keeping.saver import Saver
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from lifeboat_help import TOKEN, boat, files, locked
from saver_scene import ALICE, HOUR, NOW
from stepping import Scene, step_through

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
    path = boat(folder).put(token)
    assert path
    path.write_text("{}")
    return path


def unwritable(folder: Path) -> Path:
    """Return a folder that cannot be: what waits there is in memory only."""
    folder.touch()
    return folder / "below a file"


def taken_aboard(lifeboat: Lifeboat, taken: Counter[str | None]) -> None:
    def save(token: Token) -> Boarding:
        taken[token.id] += 1
        return Boarding(token, Fate.ABOARD)

    lifeboat.take_aboard(save)


@pytest.mark.parametrize("reader", ["occupied", "waiting"])
def test_a_file_that_two_find_waits_once(folder: Path, reader: str) -> None:
    def scene() -> Scene:
        one = boat(folder)
        boat(emptied(folder)).put(TOKEN)

        def look() -> object:
            return one.occupied if reader == "occupied" else one.waiting()

        return Scene(look, look, lambda: equal((one.waiting(), [TOKEN])))

    step_through(scene, lifeboat)


def test_a_file_that_another_finds_meanwhile_is_taken_aboard_once(folder: Path) -> None:
    def scene() -> Scene:
        one, taken = boat(folder), Counter[str | None]()
        boat(emptied(folder)).put(TOKEN)
        return Scene(
            one.waiting, lambda: taken_aboard(one, taken), lambda: equal((taken, {TOKEN.id: 1}))
        )

    step_through(scene, lifeboat)


def test_a_token_that_two_put_in_has_one_file(folder: Path) -> None:
    def scene() -> Scene:
        one = boat(emptied(folder))
        one.occupied  # noqa: B018 - the look
        return Scene(
            lambda: one.put(TOKEN), lambda: one.put(TOKEN), lambda: equal((len(files(folder)), 1))
        )

    step_through(scene, lifeboat)


@pytest.mark.parametrize("how", ["removed", "dropped"])
def test_a_token_that_leaves_while_another_comes_stays_away(folder: Path, how: str) -> None:
    nowhere = unwritable(folder)

    def scene() -> Scene:
        one = boat(nowhere)
        one.put(TOKEN)

        def leave() -> None:
            one.remove(TOKEN) if how == "removed" else one.drop(TOKEN)

        return Scene(lambda: one.put(OTHER), leave, lambda: equal((one.waiting(), [OTHER])))

    step_through(scene, lifeboat)


def test_a_token_that_comes_while_another_is_taken_aboard_is_not_lost(folder: Path) -> None:
    nowhere = unwritable(folder)

    def scene() -> Scene:
        one, taken = boat(nowhere), Counter[str | None]()
        one.put(TOKEN)

        def check() -> None:
            taken_aboard(one, taken)
            equal((taken, {TOKEN.id: 1, OTHER.id: 1}))

        return Scene(lambda: taken_aboard(one, taken), lambda: one.put(OTHER), check)

    step_through(scene, lifeboat, within=("_leave",), opcodes=True)


def test_a_token_that_leaves_while_it_gets_its_file_has_none(folder: Path) -> None:
    def scene() -> Scene:
        one = boat(unwritable(folder).parent)
        one.put(TOKEN)
        folder.unlink()
        folder.mkdir(mode=0o700)

        def check() -> None:
            equal((one.waiting(), []), (files(folder), []))
            folder.rmdir()

        return Scene(lambda: one.take_aboard(locked), lambda: one.remove(TOKEN), check)

    step_through(scene, lifeboat)


def test_a_damaged_file_is_moved_aside_by_one(folder: Path) -> None:
    def scene() -> Scene:
        path, one = damaged(emptied(folder), TOKEN), boat(folder)
        moved: list[tuple[Path, Path]] = []

        def repair() -> None:
            moved.extend(one.repair())

        return Scene(repair, repair, lambda: equal(([before for before, _ in moved], [path])))

    step_through(scene, lifeboat, within=("repair",))


def test_files_are_listed_while_another_turns_out_to_be_damaged(folder: Path) -> None:
    def scene() -> Scene:
        first, one = damaged(emptied(folder), TOKEN), boat(folder)
        one.waiting()

        def find_another() -> None:
            damaged(folder, OTHER)
            one.waiting()

        return Scene(one.paths, find_another, lambda: equal((first in one.paths(), True)))

    paths = sys.modules[Path.__hash__.__module__]
    step_through(scene, paths, within=("__hash__",))


def test_what_is_deleted_while_it_is_taken_aboard_does_not_come_back(folder: Path) -> None:
    def scene() -> Scene:
        store, one = MemoryStore(clock=lambda: NOW), boat(emptied(folder))
        keeps = Saver(store, one, lambda _: None, lambda: NOW)
        row = store.save_token(LATER)
        one.put(replace(ALICE, id=row.id))  # what its user had before
        return Scene(
            keeps.take_aboard,
            lambda: delete(row, store, keeps),
            lambda: equal((store.get_tokens(), []), (one.waiting(), [])),
        )

    step_through(scene, saver)
