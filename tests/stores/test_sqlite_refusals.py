"""A file that cannot be used is refused with its reason, and nothing is lost or changed."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from evergrant.errors import StoreUnavailable
from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import ALICE, BOB, SECRETS, grant
from tests.support.stores.sqlite_store import (
    CREATE_VIEW,
    GARBAGE,
    SeedStore,
    execute,
    mode,
    seed_token,
    unprivileged,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


def refused(path: Path | str, match: str) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable, match=match) as caught:
        SQLiteStore(path, timeout=0.05)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args  # noqa: S301 - ours
    return caught.value


def test_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path, "it is a folder").retryable is False
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_refused_and_does_not_hang(path: Path) -> None:
    os.mkfifo(path)
    assert refused(path, "not a regular file").retryable is False


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert refused(tmp_path / "file" / "tokens.db", "Not a directory").retryable is False


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    assert refused(tmp_path / ("x" * 300), "too long").retryable is False


@pytest.mark.parametrize("where", ["tokens.db", "deeper/tokens.db"])
def test_a_folder_where_we_may_not_write(where: str) -> None:
    with unprivileged() as folder:
        folder.chmod(0o500)
        assert refused(folder / where, "Permission denied").retryable is False


def test_a_read_only_file_could_not_take_refreshed_tokens() -> None:
    with unprivileged() as folder:
        path = folder / "tokens.db"
        SQLiteStore(path).close()
        path.chmod(0o400)
        assert refused(path, "refreshed tokens could not be saved").retryable is False


def test_a_read_only_folder_could_not_take_refreshed_tokens() -> None:
    with unprivileged() as folder:
        path = folder / "tokens.db"
        SQLiteStore(path).close()
        folder.chmod(0o500)
        assert refused(path, "refreshed tokens could not be saved").retryable is False


def test_a_store_that_became_read_only_says_so_and_can_still_be_read(path: Path) -> None:
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        store._connections.run("PRAGMA query_only=ON")
        with pytest.raises(StoreUnavailable, match="refreshed tokens could not be saved") as caught:
            store.save_token(BOB)
        assert caught.value.retryable is False
        assert store.find_token(ALICE) == saved
        store._connections.run("PRAGMA query_only=OFF")
        store.save_token(BOB)


@pytest.mark.parametrize("content", [b"xy", GARBAGE, b"SQLite format 3\0" + GARBAGE])
def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)
    error = refused(path, "not a SQLite database; nothing was changed")
    assert error.retryable is False
    assert path.read_bytes() == content
    assert mode(path) == 0o644
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("CREATE TABLE oauthtoken (id varchar(10) PRIMARY KEY, name text)", "no column user_name"),
        (CREATE_VIEW, "not a table, but a view"),
        ("CREATE TABLE t (a); CREATE INDEX OAuthToken ON t (a)", "not a table, but an index"),
    ],
)
def test_a_table_that_holds_something_else_is_left_as_it_is(
    path: Path, statement: str, why: str
) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.executescript(statement)
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match=f"{why}.*; nothing was changed") as caught:
        SQLiteStore(path)
    assert caught.value.retryable is False
    assert path.read_bytes() == before
    assert mode(path) == 0o644


def test_a_table_whose_key_is_not_the_id_is_left_as_it_is(path: Path) -> None:
    SeedStore(path)
    [(sql,)] = execute(path, "SELECT sql FROM sqlite_master WHERE type = 'table'")
    execute(path, "DROP TABLE oauthtoken", sql.replace("key (id)", "key (id, user_name)"))
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="primary key is not the id"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_a_damaged_database_says_so(path: Path) -> None:
    with SQLiteStore(path) as store:
        for number in range(50):
            store.save_token(grant(f"user{number}"))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StoreUnavailable, match="is damaged") as caught, SQLiteStore(path) as store:
        store.get_tokens()
    assert caught.value.retryable is False
    assert "backup" in caught.value.hint


def test_a_lock_is_waited_for_and_then_named_with_the_wait(path: Path) -> None:
    with SQLiteStore(path, timeout=0.05) as store:
        saved = store.save_token(ALICE)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(
                StoreUnavailable, match=r"locked by another program for 0\.05 s"
            ) as caught:
                store.save_token(BOB)
            assert caught.value.retryable is True
            assert store.find_token(ALICE) == saved
            other.execute("ROLLBACK")
        store.save_token(BOB)


def test_a_lock_that_ends_in_time_is_not_noticed(path: Path) -> None:
    with SQLiteStore(path, timeout=30) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.05, other.close)
        release.start()
        assert store.save_token(ALICE).id == "1"
        release.join()


def test_a_locked_database_is_refused_when_it_is_opened(path: Path) -> None:
    SeedStore(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert refused(path, r"locked by another program for 0\.05 s").retryable is True


@pytest.mark.parametrize("how", ["BEGIN", "BEGIN IMMEDIATE"], ids=["reader", "writer"])
def test_another_program_in_the_way_of_the_switch_to_wal_is_waited_for(
    path: Path, how: str
) -> None:
    SeedStore(path).save_token(seed_token("alice"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute(how)
    other.execute("SELECT * FROM oauthtoken").fetchall()
    assert refused(path, "locked by another program").retryable is True
    release = threading.Timer(0.05, other.close)
    release.start()
    with SQLiteStore(path, timeout=30) as store:
        assert len(store.get_tokens()) == 1
    release.join()
    assert execute(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_full_database_loses_nothing_and_goes_on_once_there_is_room(path: Path) -> None:
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        [(pages,)], _ = store._connections.run("PRAGMA page_count")
        store._connections.run(f"PRAGMA max_page_count={pages}")
        large = grant("large", redirect_url="x" * 10_000)
        with pytest.raises(StoreUnavailable, match="the disk is full; nothing was saved") as caught:
            store.save_token(large)
        assert SECRETS not in str(caught.value)
        assert store.get_tokens() == [saved]
        store._connections.run("PRAGMA max_page_count=1000000")
        assert store.save_token(large).version == 1


def test_a_write_that_the_disk_refuses_loses_nothing(path: Path) -> None:
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN, "the limit would kill us"
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # Room for some of the pages that the save writes to the log, not for all.
        room = path.with_name("tokens.db-wal").stat().st_size + 5000
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            with pytest.raises(StoreUnavailable, match=r"SQLITE_IOERR_WRITE.*nothing was saved"):
                store.save_token(BOB)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.find_token(ALICE) == saved
        assert store.find_token(BOB) is None
        assert store.save_token(BOB).version == 1
        assert store._connections.run("PRAGMA integrity_check")[0] == [("ok",)]
