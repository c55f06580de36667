"""Notes in databases and files: made before there were any, purged, apart, and only to be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant.clock import utc_now
from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.file import FileStore
from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import ALICE
from tests.support.stores.notes import processes_lose_no_change, put, read
from tests.support.stores.sqlite_store import execute


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


def beside(csv: Path) -> Path:
    return csv.with_name("tokens.csv.evergrant")


@pytest.fixture(params=["database", "csv"])
def url(request: pytest.FixtureRequest) -> str:
    scheme = {"database": "sqlite", "csv": "file"}[request.param]
    return f"{scheme}://{'/' * (scheme == 'sqlite')}{request.getfixturevalue(request.param)}"


def test_processes_that_change_a_note_at_the_same_time_lose_no_change(url: str) -> None:
    processes_lose_no_change(url)


def test_a_database_from_before_there_were_notes_gets_their_table(database: Path) -> None:
    with SQLiteStore(database) as store:
        alice = store.save_token(ALICE)
    execute(database, "DROP TABLE evergrant_note")
    with SQLiteStore(database) as store:
        put(store, "key", "text")
        assert store.get_tokens() == [alice]
    with SQLiteStore(database) as store:
        assert read(store, "key") == "text"


def test_a_file_from_before_there_were_notes_keeps_its_count_and_its_leases(csv: Path) -> None:
    with FileStore(csv) as store:
        store.delete_token(str(store.save_token(ALICE).id))
        assert store.lease("1", 60)
        state = json.loads(beside(csv).read_text())
        del state["notes"]
        beside(csv).write_text(json.dumps(state))
        put(store, "key", "text")
        assert read(store, "key") == "text"
        assert not store.lease("1", 60)
        assert store.save_token(ALICE).id == "2"


def count_in_database(path: Path) -> int:
    [(count,)] = execute(path, "SELECT count(*) FROM evergrant_note")
    return int(count)


def count_in_file(path: Path) -> int:
    return len(json.loads(beside(path).read_text())["notes"])


@pytest.mark.parametrize("count", [count_in_database, count_in_file], ids=["database", "csv"])
def test_notes_that_have_had_their_time_do_not_pile_up(
    request: pytest.FixtureRequest, count: Callable[[Path], int]
) -> None:
    where = "database" if count is count_in_database else "csv"
    path: Path = request.getfixturevalue(where)
    scheme = {"database": "sqlite:///", "csv": "file://"}[where]
    with open_store(f"{scheme}{path}") as store:
        put(store, "young", "text")
        for number in range(50):
            put(store, f"old {number}", "text", life=-25 * 3600)
        put(store, "young", "another")
        assert count(path) == 1
        put(store, "young", "")
        assert count(path) == 0


def test_tables_of_one_database_have_notes_of_their_own(database: Path) -> None:
    with SQLiteStore(database) as one, SQLiteStore(database, table="other") as other:
        put(one, "key", "of one")
        put(other, "old", "gone", life=-1)
        put(other, "key", "of the other")
        assert (read(one, "key"), read(other, "key")) == ("of one", "of the other")


def test_what_is_opened_only_to_read_has_notes_that_nobody_can_change(url: str) -> None:
    with open_store(url) as store:
        put(store, "key", "text")
    with open_store(url, read_only=True) as store:
        assert (store._get_note("key"), store._get_note("unknown")) == ("text", "")
        with pytest.raises(StoreUnavailable, match="read"):
            put(store, "key", "another")
    with open_store(url) as store:
        assert read(store, "key") == "text"


def test_what_has_no_notes_yet_is_read_as_it_is(database: Path) -> None:
    with SQLiteStore(database) as store:
        alice = store.save_token(ALICE)
    execute(database, "DROP TABLE evergrant_note")
    with SQLiteStore(database, read_only=True) as store:
        assert store._get_note("key") == ""
        assert store.get_tokens() == [alice]
        with pytest.raises(StoreUnavailable, match="read"):
            put(store, "key", "text")
    assert execute(database, "SELECT 1 FROM sqlite_master WHERE name = 'evergrant_note'") == []


@pytest.fixture(params=["database", "csv", "redis_url", "dynamodb_url"])
def shared_url(request: pytest.FixtureRequest) -> str:
    if request.param.endswith("_url"):
        return str(request.getfixturevalue(request.param))
    scheme = {"database": "sqlite:///", "csv": "file://"}[request.param]
    return f"{scheme}{request.getfixturevalue(request.param)}"


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_note_of_a_host_whose_clock_is_wrong_by_a_day_is_read_and_kept(
    shared_url: str, hours: int
) -> None:
    wrong = timedelta(hours=hours)
    with (
        open_store(shared_url) as right,
        open_store(shared_url, clock=lambda: utc_now() + wrong) as other,
    ):
        put(right, "of the right", "text")
        put(other, "of the other", "text")
        put(right, "of the right too", "text")
        for one in (right, other):
            for key in ("of the right", "of the other", "of the right too"):
                assert (one.get_note(key), read(one, key)) == ("text", "text")
