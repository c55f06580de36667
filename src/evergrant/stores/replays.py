"""Notices a row that was put back from an older copy: to be sealed soundly does not make it new."""

from __future__ import annotations

from evergrant.stores.rows import COLUMNS, Row

__all__ = ["Replays", "is_older"]

MOST = 100_000
"""Rows that are remembered; beyond that, those met first are forgotten first."""

_UPDATED_AT = COLUMNS.index("updated_at")


State = tuple[str | int | None, str | int | None]
"""A row's version, and when it was saved (epoch milliseconds), as its storage has them."""


class Replays:
    """The newest state of each row that this process has seen; safe to share between threads."""

    def __init__(self) -> None:
        self._seen: dict[str, State] = {}

    def note(self, row: Row) -> State | None:
        """Remember how new a row is, unless a newer state of it was seen: return that.

        One that was deleted and made anew under its id counts from 1 again, and is younger.
        """
        id_, state = str(row[0]), (row[-1], row[_UPDATED_AT])
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
        """Forget a row that is deleted: it may be made anew within the same millisecond."""
        self._seen.pop(id_, None)

    def forget_all(self) -> None:
        """Forget every row."""
        self._seen.clear()


def is_older(row: Row, seen: State) -> bool:
    """Say whether a row is older than a state of it."""
    was_version, was_updated_at = (int(value or 0) for value in seen)
    return int(row[-1] or 0) < was_version and int(row[_UPDATED_AT] or 0) <= was_updated_at
