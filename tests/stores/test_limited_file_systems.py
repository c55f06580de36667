"""A token file where the file system has no locks, or no second name for a file."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores.file import FileStore
from evergrant.stores.file.marker_lock import ABANDONED_S
from evergrant.testing.contract_files import run_in_fork
from evergrant.testing.sample_tokens import ALICE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


def refusing(number: int) -> Callable[..., None]:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.fixture(params=[errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS])
def without_locks(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    monkeypatch.setattr(fcntl, "flock", refusing(request.param))
    return monkeypatch


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_lease_without_links_is_somebodys(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refusing(number))
    with FileStore(path) as store, FileStore(path) as other:
        with store.lease("1", 60) as mine:
            assert mine
            assert not other.lease("1", 60)
            assert mine.extend()
        with other.lease("1", 0) as theirs:
            assert theirs
        assert store.lease("1", 60)
        assert not other.lease("1", 60)


def test_of_many_who_ask_for_a_lease_without_links_one_gets_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    stores = [FileStore(path) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        leases = list(pool.map(lambda store: store.lease("1", 60), stores))
    assert sum(map(bool, leases)) == 1
    for store in stores:
        store.close()


def test_a_store_without_locks_opens_and_says_so(
    path: Path, without_locks: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with FileStore(path) as store, FileStore(path) as other:
        saved = store.save_token(ALICE)
        assert other.find_token_by_id(str(saved.id)) == saved
        assert not list(path.parent.glob("*.held*"))
    assert "has no locks" in caplog.text


def test_processes_without_locks_lose_no_save(
    path: Path, without_locks: pytest.MonkeyPatch
) -> None:
    FileStore(path, timeout=30).close()

    def save(process: int) -> None:
        with FileStore(path, timeout=30) as store:
            for number in range(5):
                user = f"{process}-{number}@example.com:1"
                store.save_token(replace(ALICE, user_name=user, refresh_token=user))

    children = [run_in_fork(lambda process=process: save(process)) for process in range(3)]  # type: ignore[misc]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    with FileStore(path) as store:
        assert len(store.get_tokens()) == 15


def test_who_died_with_such_a_lock_keeps_nobody_out_for_ever(
    path: Path, without_locks: pytest.MonkeyPatch
) -> None:
    with FileStore(path, timeout=0.1) as store:
        marker = Path(f"{path}.lock.held")
        marker.write_bytes(b"somebody")
        with pytest.raises(StoreUnavailable, match="locked by another program"):
            store.save_token(ALICE)
        assert marker.read_bytes() == b"somebody"
        then = time.time() - ABANDONED_S - 1
        os.utime(marker, (then, then))
        assert store.save_token(ALICE).id
        assert not marker.exists()


def test_a_file_that_was_deleted_can_be_begun_again(path: Path) -> None:
    with FileStore(path) as store:
        number = int(store.save_token(ALICE).id or 0)
        path.unlink()
        with pytest.raises(StoreUnavailable, match="it was removed") as caught:
            store.save_token(ALICE)
    assert "restart the program to begin without tokens" in str(caught.value)
    with FileStore(path) as store, FileStore(path) as other:
        assert store.get_tokens() == other.get_tokens() == []
        assert int(store.save_token(ALICE).id or 0) > number


def test_an_emptied_file_can_be_begun_again_as_its_hint_says(path: Path) -> None:
    with FileStore(path) as store:
        store.save_token(ALICE)
    path.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="delete the file to begin without tokens"):
        FileStore(path)
    path.unlink()
    with FileStore(path) as store:
        assert store.save_token(ALICE).id
