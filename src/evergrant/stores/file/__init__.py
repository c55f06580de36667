"""The file store: `FileStore`, and a file for each of its concerns."""

from __future__ import annotations

from evergrant.stores.file.store import FileStore

__all__ = ["FileStore"]
