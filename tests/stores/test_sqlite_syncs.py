"""A token is on the disk when its save returns; what may be lost with the power costs no sync."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import ALICE


@pytest.fixture
def commits(tmp_path: Path) -> Callable[[Callable[[SQLiteStore], object]], list[str]]:
    """Say with which setting of ``synchronous`` each change was committed."""

    def run(work: Callable[[SQLiteStore], object]) -> list[str]:
        mode, seen = "FULL", list[str]()

        def look(statement: str) -> None:
            nonlocal mode
            if statement.startswith("PRAGMA synchronous="):
                mode = statement.partition("=")[2]
            elif statement == "COMMIT":
                seen.append(mode)

        with SQLiteStore(tmp_path / "tokens.db", timeout=0.1) as store:
            connection = store._connections.acquire()
            connection.lock.release()
            connection.set_trace_callback(look)
            work(store)
            assert connection.run("PRAGMA synchronous")[0] == [(2,)], "FULL again"
        return seen

    return run


def test_tokens_are_synced_and_leases_and_notes_are_not(
    commits: Callable[[Callable[[SQLiteStore], object]], list[str]],
) -> None:
    def work(store: SQLiteStore) -> None:
        alice = store.save_token(ALICE)
        with store.lease("1", 60):
            store.update_note("note", lambda _: "text", life=60)
            store.save_token(alice)
        store.delete_token("1")

    assert commits(work) == ["FULL", "NORMAL", "NORMAL", "FULL", "NORMAL", "FULL"]


def test_a_change_that_fails_leaves_the_setting_for_tokens(
    commits: Callable[[Callable[[SQLiteStore], object]], list[str]], tmp_path: Path
) -> None:
    def fail(_: str) -> str:
        raise KeyError("planted")

    def work(store: SQLiteStore) -> None:
        with pytest.raises(KeyError, match="planted"):
            store.update_note("note", fail, life=60)
        other = sqlite3.connect(tmp_path / "tokens.db")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Exception, match="locked"):
            store.lease("1", 60)
        other.close()
        store.save_token(ALICE)

    assert commits(work) == ["FULL"]
