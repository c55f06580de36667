"""Detects a row that was replaced by an older copy of itself, which is encrypted correctly, too."""

from __future__ import annotations

from evergrant.stores.rows import Row

__all__ = ["ReplayGuard", "is_older"]

MOST = 100_000
"""Rows that are remembered; beyond that, the oldest are forgotten."""

SAVES_IN_A_MILLISECOND = 64
"""Most saves of one row in a millisecond; versions that are further apart are of two rows."""

State = tuple[str | int | None, str | int | None]
"""A row's version, and when it was saved (epoch milliseconds), as stored."""


class ReplayGuard:
    """The newest state of each row that this process has seen; safe to share between threads."""

    def __init__(self) -> None:
        self._seen: dict[str, State] = {}

    def observe(self, row: Row) -> State | None:
        """Remember a row's state; if a newer state was seen before, return that instead."""
        id_, state = str(row.id), (row.version, row.updated_at)
        seen = self._seen.get(id_)
        if seen == state:
            return None
        if seen is not None and is_older(row, seen):
            return seen
        if seen is None and len(self._seen) >= MOST:
            self._seen.pop(next(iter(self._seen)), None)
        self._seen[id_] = state
        return None

    def forget(self, id_: str) -> None:
        """Forget a row that is deleted."""
        self._seen.pop(id_, None)

    def forget_all(self) -> None:
        """Forget every row."""
        self._seen.clear()


def is_older(row: Row, seen: State) -> bool:
    """Return True if a row is older than a state of it that was seen.

    A new row under the same id has an unrelated version, which says nothing about its age.
    """
    was_version, was_updated_at = (int(value or 0) for value in seen)
    version, updated_at = int(row.version or 0), int(row.updated_at or 0)
    if updated_at == was_updated_at:
        return was_version - SAVES_IN_A_MILLISECOND < version < was_version
    return version < was_version and updated_at < was_updated_at
