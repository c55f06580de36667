"""Leases beside a token file: one holder at a time, without a lock, whatever is found there."""

from __future__ import annotations

import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evergrant.stores.file.leases import OLD_S, FileLeases

NOW, TTL = 1_800_000_000_000, 10.0
LATER = NOW + 10_001


@pytest.fixture(params=["tokens.csv", "to[k]e?n*s.csv"])
def leases(request: pytest.FixtureRequest, tmp_path: Path) -> FileLeases:
    tokens = tmp_path / request.param
    tokens.touch(mode=0o600)
    lock = threading.Lock()
    return FileLeases(str(tokens), lambda: lock)


def files(tmp_path: Path) -> list[Path]:
    return sorted(path for path in tmp_path.iterdir() if ".lease-" in path.name)


def test_a_lease_is_one_holders_until_it_ends(leases: FileLeases, tmp_path: Path) -> None:
    assert leases.acquire("1", "a", NOW, TTL)
    assert not leases.acquire("1", "b", NOW + 9_999, TTL)
    assert leases.acquire("2", "b", NOW, TTL)
    assert leases.acquire("1", "a", NOW + 9_000, TTL), "it is extended"
    assert not leases.acquire("1", "b", NOW + 18_000, TTL)
    leases.release("1", "b")
    assert not leases.acquire("1", "b", NOW + 18_000, TTL), "only its holder gives it back"
    leases.release("1", "a")
    leases.release("1", "a")
    assert leases.acquire("1", "b", NOW, TTL)
    assert len(files(tmp_path)) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)} == {0o600}


def test_of_many_who_see_that_it_ran_out_one_takes_over(leases: FileLeases) -> None:
    for round_ in range(30):
        id_ = str(round_)
        assert leases.acquire(id_, "dead", NOW, TTL)
        start = threading.Barrier(8)

        def take(number: int, id_: str = id_, start: threading.Barrier = start) -> bool:
            start.wait(30)
            return leases.acquire(id_, f"owner{number}", LATER, TTL)

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1


def test_of_many_who_come_first_one_gets_it(leases: FileLeases, tmp_path: Path) -> None:
    for round_ in range(30):
        id_, start = str(round_), threading.Barrier(8)

        def take(number: int, id_: str = id_, start: threading.Barrier = start) -> bool:
            start.wait(30)
            return leases.acquire(id_, f"owner{number}", NOW, TTL)

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1
    assert len(files(tmp_path)) == 30, "no draft is left"


def test_a_lease_that_was_taken_over_is_not_its_former_holders(leases: FileLeases) -> None:
    assert leases.acquire("1", "a", NOW, TTL)
    assert leases.acquire("1", "b", LATER, TTL)
    assert not leases.acquire("1", "a", LATER, TTL)
    leases.release("1", "a")
    assert not leases.acquire("1", "c", LATER, TTL)


@pytest.mark.parametrize(
    "content", [b"", b"a", b"a b c d", b"a x y", b"\xff", b"a 1 " + b"9" * 9_999]
)
def test_what_is_no_lease_keeps_nobody_out(
    leases: FileLeases, tmp_path: Path, content: bytes
) -> None:
    assert leases.acquire("1", "a", NOW, TTL)
    [path] = files(tmp_path)
    path.write_bytes(content)
    assert leases.acquire("1", "b", NOW, TTL)
    assert len(files(tmp_path)) == 1


def test_what_the_dead_left_behind_is_removed(leases: FileLeases, tmp_path: Path) -> None:
    for id_ in "12":
        assert leases.acquire(id_, "a", NOW, TTL)
    os.utime(files(tmp_path)[0], (0, time.time() - OLD_S - 1))
    leases.remove_stale()
    assert len(files(tmp_path)) == 1
    leases.remove_all()
    assert files(tmp_path) == []


def test_whoever_watches_sees_it_come_and_go(leases: FileLeases) -> None:
    before = leases.version("1")
    assert leases.acquire("1", "a", NOW, TTL)
    held = leases.version("1")
    leases.release("1", "a")
    assert before is None
    assert held is not None
    assert leases.version("1") is None
