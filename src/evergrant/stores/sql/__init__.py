"""The SQL store: `SQLStore`, and a file for each of its concerns."""

from __future__ import annotations

from evergrant.stores.sql.store import SQLStore

__all__ = ["SQLStore"]
