"""A token file beside other programs, also such as know of no lock."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from evergrant.errors import StoreUnavailable
from evergrant.stores.file import FileStore
from evergrant.stores.file import snapshot as file_disk
from evergrant.testing.sample_tokens import ALICE, BOB, grant, refreshed
from evergrant.token import Token
from tests.support.stores.file_store import HEADER, put, row
from tests.support.stores.sqlite_store import finish, start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


def test_what_a_killed_writer_left_is_cleared_away(path: Path) -> None:
    with FileStore(path) as store:
        draft = path.with_name("tokens.csv.draft")
        draft.write_text("half a row")
        store.save_token(ALICE)
    assert not draft.exists()


def test_a_lock_is_waited_for_and_then_named_with_the_wait(path: Path) -> None:
    with FileStore(path, timeout=0.05) as store:
        saved = store.save_token(ALICE)
        with FileLock(f"{path}.lock"):
            with pytest.raises(
                StoreUnavailable, match=r"locked by another program for 0\.05 s"
            ) as caught:
                store.save_token(BOB)
            assert caught.value.retryable is True
            assert store.find_token(ALICE) == saved
        store.save_token(BOB)


def rewriting(path: Path, lines: list[str]) -> threading.Thread:
    """Rewrite a file in place, as the official store does, line by line; it has begun."""
    begun = threading.Event()

    def work() -> None:
        with path.open("w", newline="") as file:
            begun.set()
            for line in lines:
                file.write(f"{line}\r\n")
                file.flush()
                time.sleep(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    return thread


@pytest.mark.parametrize("platform", ["linux", "another"])
def test_a_file_that_is_being_rewritten_is_never_taken_for_a_smaller_one(
    path: Path, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if platform != "linux":
        # Elsewhere the age of the file must do.
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setattr(file_disk, "TICK_NS", 1_000_000_000)
    lines = [HEADER, *(row(str(number), f"user{number}") for number in range(1, 6))]
    put(path, *lines)
    last = Token(user_name="user5@example.com:60001")
    with FileStore(path, timeout=60) as store, FileStore(path, timeout=60) as other:
        thread = rewriting(path, lines)
        assert store.find_token(last) is not None
        assert other.save_token(grant("carol")).id == "6"
        thread.join()
        assert len(store.get_tokens()) == 6


def test_a_file_that_stays_open_for_writing_is_named_with_the_wait(path: Path) -> None:
    with FileStore(path, timeout=0.05) as store:
        store.save_token(ALICE)
        content = path.read_bytes()
        with path.open("wb") as file:
            for use in (store.get_tokens, lambda: store.save_token(BOB)):
                with pytest.raises(
                    StoreUnavailable, match=r"another program was writing .* for 0\.05 s"
                ) as caught:
                    use()
                assert caught.value.retryable is True
            file.write(content)
        assert len(store.get_tokens()) == 1


def test_a_write_at_the_very_moment_of_a_save_is_not_overwritten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileStore(path) as store:
        store.save_token(ALICE)
        real = os.utime

        def write_meanwhile(*args: Any, **options: Any) -> None:
            put(path, HEADER, row("1", "alice"), row("2", "carol"))
            real(*args, **options)

        with monkeypatch.context() as racing:
            racing.setattr(os, "utime", write_meanwhile)
            with pytest.raises(StoreUnavailable, match="at the same moment; nothing was") as caught:
                store.save_token(refreshed(ALICE))
        assert caught.value.retryable is True
        assert len(store.get_tokens()) == 2
        assert store.save_token(refreshed(ALICE)).version > 1


def rewrite_in_place(path: Path, content: bytes, found: os.stat_result) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_a_change_within_one_tick_of_the_clock_is_noticed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_disk, "TICK_NS", 3_600_000_000_000)
    monkeypatch.setattr(file_disk, "_is_quiet", lambda handle, is_sure: True)
    first = put(path, HEADER, row("1", "alice"))
    with FileStore(path) as store:
        found = path.stat()
        seen = store.change_counter()
        rewrite_in_place(path, first.replace(b"access-alice", b"access-ALICE"), found)
        token = store.find_token_by_id("1")
        assert token
        assert "access-ALICE" in str.__str__(token.access_token or "")
        assert store.change_counter() != seen
        assert store.change_counter() == store.change_counter()


def test_saves_within_one_tick_of_the_clock_have_different_times(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    times = set()
    with FileStore(path) as store:
        for number in range(20):
            store.save_token(refreshed(ALICE, number))
            times.add(path.stat().st_mtime_ns)
    assert len(times) == 20


def test_a_look_up_reads_the_file_only_if_it_has_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, HEADER, row("1", "alice"))
    os.utime(path, ns=(1, 1_000_000_001))
    reads: list[str] = []
    real: Callable[[str, float], file_disk.FileSnapshot] = file_disk.read

    def read(name: str, timeout: float) -> file_disk.FileSnapshot:
        reads.append(name)
        return real(name, timeout)

    monkeypatch.setattr(file_disk, "read", read)
    with FileStore(path) as store:
        for _ in range(5):
            store.get_tokens()
            store.find_token(ALICE)
            store.change_counter()
        assert len(reads) == 1
        for number in range(3):
            store.save_token(refreshed(ALICE, number))
            store.get_tokens()
        assert len(reads) == 1


LEASE = """
store = open_store(sys.argv[1])
lease = store.lease("1", 60)
print(bool(lease), flush=True)
sys.stdin.readline()
lease.release()
"""


def test_a_lease_holds_between_processes_and_ends_with_its_holder(path: Path) -> None:
    with FileStore(path) as store:
        store.save_token(ALICE)
        program = start(LEASE, f"file://{path}")
        assert program.stdout
        assert program.stdout.readline() == "True\n"
        assert not store.lease("1", 60)
        assert store.lease("2", 60)
        program.communicate("\n", timeout=60)
        assert store.lease("1", 60)


FORK = """
import signal, threading
store = open_store(sys.argv[1])
store.save_token(grant("alice"))
writing, forked, real = threading.Event(), threading.Event(), os.fsync

def slow(handle):
    writing.set()
    forked.wait(0.5)  # a fork that waits for us does not come earlier
    real(handle)

os.fsync = slow
saver = threading.Thread(target=lambda: store.save_token(grant("alice")))
saver.start()
writing.wait()
child = os.fork()
if child == 0:
    signal.pause()
forked.set()
saver.join()
try:
    with open_store(sys.argv[1]) as another:
        assert another.find_token(grant("alice")).version == 2
finally:
    os.kill(child, signal.SIGKILL)
"""


def test_a_child_forked_in_the_middle_of_a_save_does_not_keep_the_file_open(path: Path) -> None:
    finish(start(FORK, f"file://{path}"))
