"""The lock of files on file systems without locks: one stops at every step, another one acts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evergrant.stores.file import marker_lock
from evergrant.stores.file.marker_lock import MarkerLock
from tests.support.concurrency.acts import equal
from tests.support.concurrency.stepping import Scene, step_through


@pytest.mark.parametrize("another_died", [False, True])
@pytest.mark.parametrize("held", ["taken", "taken, given back and taken"])
def test_an_abandoned_marker_is_taken_by_one(
    tmp_path: Path, held: str, monkeypatch: pytest.MonkeyPatch, *, another_died: bool
) -> None:
    monkeypatch.setattr(marker_lock, "LOOK_AT_S", 0.0)
    path = tmp_path / "tokens.csv.lock.held"

    def scene() -> Scene:
        one, two, three, four = (MarkerLock(str(path), 0.02) for _ in range(4))
        path.write_bytes(b"somebody")
        os.utime(path, (0, 0))
        if another_died:  # in the middle of removing it
            right = path.with_name(f"{path.name}.{marker_lock._Marker.at(path).digest()}-0")
            right.touch()
            os.utime(right, (0, 0))
        has: dict[MarkerLock, bool] = {}

        def take(lock: MarkerLock) -> None:
            has[lock] = lock.acquire(0.001)

        def second() -> None:
            take(two)
            if has[two] and held != "taken":
                two.release()
                del has[two]
                take(three)

        def check() -> None:
            assert sum(has.values()) == 1
            for lock in has:
                lock.release()
            assert four.acquire(0.001)
            four.release()
            equal((list(tmp_path.iterdir()), []))

        return Scene(lambda: take(one), second, check)

    step_through(scene, marker_lock)


def test_who_gives_back_late_removes_nobody_elses_marker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marker_lock, "LOOK_AT_S", 0.0)
    path = tmp_path / "tokens.csv.lock.held"

    def scene() -> Scene:
        one, two, three = (MarkerLock(str(path), 0.02) for _ in range(3))
        one.acquire(0.001)
        os.utime(path, (0, 0))
        has: list[bool] = []

        def check() -> None:
            has.append(three.acquire(0.001))
            assert sum(has) == 1
            for lock in (two, three):
                lock.release()
            equal((list(tmp_path.iterdir()), []))

        return Scene(one.release, lambda: has.append(two.acquire(0.001)), check)

    step_through(scene, marker_lock)
