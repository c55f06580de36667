"""A SQLite store that is opened only to read leaves the file, and the folder, as they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evergrant import open_store
from evergrant.errors import StoreMissing, StoreUnavailable
from evergrant.testing.sample_tokens import ALICE, BOB
from tests.support.stores.sqlite_store import (
    CREATE_VIEW,
    GARBAGE,
    SeedStore,
    execute,
    mode,
    seed_token,
)


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), mode(file)) for file in folder.iterdir()}


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    before = state(folder)
    yield
    assert state(folder) == before


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_the_seeds_file_is_read_as_it_is_and_neither_extended_nor_tightened(path: Path) -> None:
    seed = SeedStore(str(path))
    for who in ("alice", "bob"):
        seed.save_token(seed_token(who))
    path.chmod(0o644)
    with unchanged(path.parent), open_store(url(path), read_only=True) as store:
        names = [token.user_name for token in store.iter_tokens()]
        assert names == ["alice@example.com:60001", "bob@example.com:60001"]
        [alice] = store.find_users("alice@example.com")
        assert store.find_token(replace(alice, id=None)) == alice
        assert store.find_token_by_id(alice.id or "") == alice
        assert alice.version == 0


def test_our_own_file_keeps_every_column_and_gets_no_log_beside_it(path: Path) -> None:
    with open_store(url(path)) as store:
        stored = [store.save_token(ALICE), store.save_token(BOB)]
    with unchanged(path.parent), open_store(url(path), read_only=True) as store:
        assert store.get_tokens() == stored


def test_what_another_program_saves_meanwhile_is_seen(path: Path) -> None:
    with open_store(url(path)) as writer, open_store(url(path), read_only=True) as reader:
        before = reader.change_counter()
        writer.save_token(ALICE)
        assert reader.change_counter() != before
        assert len(reader.get_tokens()) == 1


def test_nothing_can_be_saved_or_deleted(path: Path) -> None:
    with open_store(url(path)) as store:
        id_ = store.save_token(ALICE).id or ""
    with unchanged(path.parent), open_store(url(path), read_only=True) as store:
        for change in (
            lambda: store.save_token(BOB),
            lambda: store.save_token(ALICE),
            lambda: store.delete_token(id_),
            store.delete_tokens,
        ):
            with pytest.raises(StoreUnavailable, match="read"):
                change()


def test_a_missing_file_is_not_created(path: Path) -> None:
    with unchanged(path.parent), pytest.raises(StoreMissing, match="there is no file") as caught:
        open_store(url(path), read_only=True)
    assert not caught.value.retryable


@pytest.mark.parametrize("name", ["oauthtoken", "others"])
def test_a_missing_table_is_not_created(path: Path, name: str) -> None:
    execute(path, "CREATE TABLE diary (day text)")
    with unchanged(path.parent), pytest.raises(StoreMissing, match=f"no table {name} in"):
        open_store(f"{url(path)}?table={name}", read_only=True)


def test_an_empty_file_holds_no_table(path: Path) -> None:
    path.touch()
    with unchanged(path.parent), pytest.raises(StoreMissing):
        open_store(url(path), read_only=True)


@pytest.mark.parametrize("statement", ["CREATE TABLE oauthtoken (id text)", CREATE_VIEW])
def test_a_table_of_something_else_is_refused(path: Path, statement: str) -> None:
    execute(path, statement)
    with (
        unchanged(path.parent),
        pytest.raises(StoreUnavailable, match="does not hold tokens") as caught,
    ):
        open_store(url(path), read_only=True)
    assert not isinstance(caught.value, StoreMissing)


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    path.write_bytes(GARBAGE)
    with unchanged(path.parent), pytest.raises(StoreUnavailable, match="not a SQLite"):
        open_store(url(path), read_only=True)


def test_a_look_up_still_uses_the_index(path: Path) -> None:
    asked = 'EXPLAIN QUERY PLAN SELECT id FROM "oauthtoken" WHERE user_name = ? COLLATE NOCASE'
    with open_store(url(path)) as store:
        store.save_token(ALICE)
    with open_store(url(path), read_only=True) as store:
        plan = store._run(asked, "a")  # type: ignore[attr-defined]
    assert "INDEX" in str(plan)


def test_a_file_is_itself_however_it_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    link = path.with_name("link.db")
    with open_store(url(path)) as store:
        link.symlink_to(path)
        spellings = ["sqlite:///tokens.db", "sqlite:///./tokens%2Edb?timeout=1", url(link)]
        spellings += [f"{url(path)}?table=OAUTHTOKEN"]
        for spelling in spellings:
            with open_store(spelling, read_only=True) as again:
                assert again.storage_id() == store.storage_id(), spelling
        with open_store(f"{url(path)}?table=other") as other:
            assert other.storage_id() != store.storage_id()


def test_stores_in_memory_are_each_their_own() -> None:
    for name in ("memory:", "list:", "sqlite:///:memory:"):
        with open_store(name) as one, open_store(name) as other:
            assert one.storage_id() == one.storage_id() != other.storage_id()


def test_a_store_that_another_program_is_writing_is_not_disturbed(path: Path) -> None:
    with open_store(url(path)) as store:
        store.save_token(ALICE)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with open_store(url(path), read_only=True) as store:
        assert len(store.get_tokens()) == 1
    writer.execute("UPDATE oauthtoken SET org_id = '7'")
    writer.execute("COMMIT")
    writer.close()
