"""The SQLite store: `SQLiteStore`, and a file for each of its concerns."""

from __future__ import annotations

from evergrant.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
