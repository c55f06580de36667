"""The store goes away under a process: tokens that are valid go on being served, and at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from evergrant._concurrency.deduplicated_read import TIMEOUT_S
from evergrant.sandbox import Sandbox
from tests.support.faults.callers import Told, answer_calls
from tests.support.faults.holders_and_askers import BUSY, expire
from tests.support.faults.killable_processes import Hand
from tests.support.faults.scene import Scene
from tests.support.faults.stopped_refresh import THERE
from tests.support.servers.databases import MORTAL, Mortal, fresh_space
from tests.support.soak import Soak
from tests.support.stores.sqlite_store import SOMEBODY_ELSE

ALICE, BOB = "alice@example.com", "bob@example.com"
REFUSED = {"StoreUnavailable", "TokenNotSaved"}

AT_ONCE = TIMEOUT_S + 0.5
"""Seconds that the slowest of some thousand calls may take, of eight callers."""


def set_up(zoho: Sandbox, scene: Scene) -> None:
    """Log two users in; Bob's access token is over."""
    with scene.keeper() as keeper:
        keeper.login_with_code(zoho.grant_code(BOB), BOB)
        expire(keeper.store)
        keeper.login_with_code(zoho.grant_code(ALICE), ALICE)


@contextmanager
def callers(scene: Scene, uid: int = 0) -> Iterator[Callable[[str, float], Told]]:
    """Let a process hold Alice's token; it calls for whom we say, for so many seconds."""
    hand = Hand(answer_calls, scene, ALICE, uid)
    assert hand.hear() == THERE

    def call(user: str, seconds: float) -> Told:
        hand.tell((user, seconds))
        told: Told = hand.hear()
        return told

    yield call
    hand.kill()


def served_at_once(call: Callable[[str, float], Told], token: str, soak: Soak) -> Told:
    """Make sure that all callers get the token that is at hand."""
    told = call(ALICE, 2.5)
    assert set(told.answers) == {token}, told
    assert told.slowest <= AT_ONCE + (0 if soak.full else BUSY), told
    return told


def served_anew(call: Callable[[str, float], Told], token: str) -> Told:
    """Make sure that all is well again, without a restart."""
    told = call(ALICE, 1.5)
    assert set(told.answers) == {token}, told
    refreshed = call(BOB, 0.0)
    assert len(refreshed.answers) == 1, refreshed
    assert not refreshed.error, refreshed
    return told


@pytest.fixture
def folder() -> Iterator[Path]:
    """Have a folder that somebody else can reach, too."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@contextmanager
def moved(place: Path) -> Iterator[None]:
    away = place.rename(place.with_name("away"))
    try:
        yield
    finally:
        away.rename(place)


@contextmanager
def unreadable(place: Path) -> Iterator[None]:
    files = [place, *place.iterdir()]
    modes = [file.stat().st_mode for file in files]
    for file in reversed(files):
        file.chmod(0)
    try:
        yield
    finally:
        for file, mode in zip(files, modes, strict=True):
            file.chmod(mode)


@pytest.mark.parametrize("taken_away", [moved, unreadable])
@pytest.mark.parametrize("kind", ["sqlite", "file"])
def test_the_folder_of_the_store_is_gone(
    kind: str,
    taken_away: Callable[[Path], AbstractContextManager[None]],
    folder: Path,
    zoho: Sandbox,
    soak: Soak,
) -> None:
    place, boat = folder / "store", folder / "lifeboat"
    place.mkdir()
    boat.mkdir(mode=0o700)
    urls = {"sqlite": f"sqlite:///{place}/tokens.db", "file": f"file://{place}/tokens.csv"}
    scene = Scene.at(zoho, urls[kind], boat)
    set_up(zoho, scene)
    uid = 0 if os.getuid() else SOMEBODY_ELSE
    for path in (place, boat, *place.iterdir()):
        os.chown(path, uid or -1, uid or -1)
    with callers(scene, uid) as call:
        (token,) = call(ALICE, 0.0).answers
        with taken_away(place):
            told = served_at_once(call, token, soak)
            bob = call(BOB, 0.0)
            assert {answer for answer in bob.answers if len(answer) < len(token)} <= REFUSED, bob
        back = served_anew(call, token)
    # SQLite goes on reading files that it has open, wherever they are.
    if kind == "file":
        assert 1 <= told.events.count("StoreFailed") <= 4, told
        assert "StoreRecovered" in back.events
    soak.note(
        f"the folder of the store is {taken_away.__name__}",
        store=kind,
        calls=told.answers.total(),
        slowest_s=round(told.slowest, 3),
    )


@pytest.mark.parametrize("kind", MORTAL)
def test_the_database_server_is_gone(
    kind: str, mortal_server: Mortal, zoho: Sandbox, tmp_path: Path, soak: Soak
) -> None:
    with fresh_space(mortal_server) as database:
        scene = Scene.at(zoho, database.url, tmp_path / "lifeboat")
        set_up(zoho, scene)
        with callers(scene) as call:
            (token,) = call(ALICE, 0.0).answers
            mortal_server.kill()
            try:
                told = served_at_once(call, token, soak)
                bob = call(BOB, 0.0)
            finally:
                mortal_server.start()
            back = served_anew(call, token)
    assert set(bob.answers) <= REFUSED, bob
    assert 1 <= told.events.count("StoreFailed") <= 4, told
    assert "StoreRecovered" in back.events
    soak.note(
        "the server is killed",
        store=kind,
        calls=told.answers.total(),
        slowest_s=round(told.slowest, 3),
    )


@pytest.mark.parametrize("kind", MORTAL)
def test_the_database_server_does_not_answer(
    kind: str, mortal_server: Mortal, zoho: Sandbox, tmp_path: Path, soak: Soak
) -> None:
    with fresh_space(mortal_server) as database:
        scene = Scene.at(zoho, database.url, tmp_path / "lifeboat")
        set_up(zoho, scene)
        with callers(scene) as call:
            (token,) = call(ALICE, 0.0).answers
            mortal_server.freeze()
            try:
                told = served_at_once(call, token, soak)
            finally:
                mortal_server.thaw()
            served_anew(call, token)
    soak.note(
        "the server does not answer",
        store=kind,
        calls=told.answers.total(),
        slowest_s=round(told.slowest, 3),
    )
