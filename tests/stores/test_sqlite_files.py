"""Where the database is, who may read it, and that nothing else is touched."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evergrant.errors import ConfigError, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.file import FileStore
from evergrant.stores.sqlite import SQLiteStore
from evergrant.stores.sqlite.errors import translate_error
from evergrant.testing.sample_tokens import ALICE, BOB
from tests.support.stores.sqlite_store import SeedStore, execute, mode, seed_token

FILES = ("tokens.db", "tokens.db-wal", "tokens.db-shm")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_nobody_else_can_read_its_files_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with SQLiteStore(path) as store:
            store.save_token(ALICE)
            assert [mode(path.with_name(name)) for name in FILES] == [0o600] * 3
    finally:
        os.umask(before)


def test_missing_folders_are_made_for_their_owner_only(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "a" / "b" / "tokens.db"):
        assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    SQLiteStore(tmp_path / "tokens.db").close()
    assert mode(tmp_path) == 0o755


def test_a_file_that_others_could_read_is_tightened_and_said_so_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    SeedStore(path).save_token(seed_token("alice"))
    execute(path, "PRAGMA journal_mode=WAL")
    path.chmod(0o664)
    with caplog.at_level(logging.WARNING, "evergrant"):
        with SQLiteStore(path) as store:
            store.save_token(BOB)
            assert [mode(path.with_name(name)) for name in FILES] == [0o600] * 3
        SQLiteStore(path).close()
    [line] = caplog.messages
    assert str(path) in line


def test_side_files_that_others_could_read_are_tightened(path: Path) -> None:
    with SQLiteStore(path) as first:
        first.save_token(ALICE)
        path.with_name("tokens.db-wal").chmod(0o644)
        with SQLiteStore(path):
            assert mode(path.with_name("tokens.db-wal")) == 0o600


def test_a_file_that_only_its_owner_may_write_and_read_stays_as_it_is(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    SQLiteStore(path).close()
    SQLiteStore(path).close()
    assert caplog.messages == []


def test_the_store_stays_where_it_is_when_the_program_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///tokens.db")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with store, open_store(store.url) as again:
        store.save_token(ALICE)
        assert again.find_token(ALICE) is not None
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["a b.db", "100%.db", "what?.db", "a#b.db", "50%41.db", "täg \U0001f511.db", "o'b\".db"]
)
def test_any_file_name_can_be_used_and_named_by_its_url(tmp_path: Path, name: str) -> None:
    with SQLiteStore(tmp_path / name) as store, open_store(store.url) as again:
        store.save_token(ALICE)
        assert again.find_token(ALICE) is not None
        assert again.url == store.url
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_file_name_that_is_not_unicode_can_be_used(tmp_path: Path) -> None:
    with SQLiteStore(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db")) as store:
        store.save_token(ALICE)
        assert "%FF.db" in store.url
    assert [os.fsencode(file.name) for file in tmp_path.iterdir()] == [b"\xff.db"]


def test_a_link_to_a_database_is_followed(tmp_path: Path, path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    SQLiteStore(path).close()
    path.chmod(0o644)
    with SQLiteStore(link) as store:
        store.save_token(ALICE)
        assert [mode(path.with_name(name)) for name in FILES] == [0o600] * 3


def test_a_link_to_nowhere_creates_nothing(tmp_path: Path, path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with pytest.raises(StoreUnavailable, match="cannot be used") as caught:
        SQLiteStore(link)
    assert caught.value.retryable is False
    assert not path.exists()


@pytest.mark.parametrize("by", ["nothing", "another store"])
def test_a_save_into_a_file_that_was_removed_or_replaced_is_refused(path: Path, by: str) -> None:
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        for name in FILES:
            path.with_name(name).unlink()
        if by == "another store":
            SQLiteStore(path).close()
        with pytest.raises(StoreUnavailable, match="removed or replaced") as caught:
            store.save_token(BOB)
        assert caught.value.retryable is False
        assert store.find_token(ALICE) == saved


def test_a_file_that_was_removed_is_not_created_anew_by_another_thread(path: Path) -> None:
    with SQLiteStore(path) as store, ThreadPoolExecutor(1) as thread:
        for name in FILES:
            path.with_name(name).unlink()
        with pytest.raises(StoreUnavailable, match="cannot be opened") as caught:
            thread.submit(store.get_tokens).result()
        assert caught.value.retryable is False
        assert not path.exists()


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with SQLiteStore(path) as store:
        assert store.save_token(ALICE).id == "1"


def test_a_closed_store_leaves_one_file(path: Path) -> None:
    with SQLiteStore(path) as store:
        store.save_token(ALICE)
        store.change_counter()
    assert [file.name for file in path.parent.iterdir()] == ["tokens.db"]


OPEN_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM oauthtoken").fetchall()
connection.close()
"""


def wrong_url(path: Path) -> None:
    with pytest.raises(ConfigError, match="sqlite:///"):
        open_store(str(path))


def wrong_kind(path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="It is a SQLite database"):
        FileStore(path)


def any_error(path: Path) -> None:
    translate_error(sqlite3.OperationalError("the disk is full"), f"sqlite:///{path}", 1.0)


@pytest.mark.parametrize("trouble", [wrong_url, wrong_kind, any_error])
def test_what_is_told_of_a_database_ends_no_lock_on_it(
    path: Path, trouble: Callable[[Path], None]
) -> None:
    with SQLiteStore(path) as store:
        store.save_token(ALICE)
        log = path.with_name("tokens.db-wal")
        before = log.stat().st_ino
        trouble(path)
        # Another program that closes the database removes the log, unless somebody has a lock.
        subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, path], check=True)
        assert log.exists()
        assert log.stat().st_ino == before
