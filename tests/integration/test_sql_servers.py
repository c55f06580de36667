"""The servers that the other tests need: they start, they restart, and nothing of them stays."""

from __future__ import annotations

from databases import Database


def test_up(database: Database) -> None:
    assert database.execute("SELECT 1") == [(1,)]
    database.server.restart()
    assert database.execute("SELECT 1") == [(1,)]
