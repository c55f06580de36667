"""`ListStore`: tokens as lists in a list, as in the list store of Zoho's sample."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from evergrant.clock import Clock, utc_now
from evergrant.stores.in_process import InProcessStore
from evergrant.stores.rows import COLUMNS, Row

__all__ = ["ListStore"]


class ListStore(InProcessStore):
    """Keeps tokens in a list of lists (``list:``), and searches it from front to back.

    Args:
        rows: A list of yours to keep tokens in; its rows may have only the official ten columns.
            The attribute ``rows`` is this same list. A keeper's cache does not notice changes
            that you make to the list directly.
    """

    def __init__(self, rows: list[list[Any]] | None = None, *, clock: Clock = utc_now) -> None:
        super().__init__(clock=clock)
        self.url = "list:"
        self.rows: list[list[Any]] = [] if rows is None else rows

    def _rows(self) -> Iterator[Row]:
        with self._lock:
            rows = [_padded(row) for row in self.rows]
        return iter(rows)

    def _insert(self, row: Row) -> bool:
        if self._position(str(row.id)) is not None:
            return False
        self._note_id(str(row.id))
        self._splice(len(self.rows), 0, [list(row)])
        return True

    def _update(self, row: Row, version: int) -> bool:
        at = self._position(str(row.id))
        if at is None or not _has_version(_padded(self.rows[at]), version):
            return False
        self._splice(at, 1, [list(row)])
        return True

    def _delete(self, id_: str) -> bool:
        at = self._position(id_)
        if at is None:
            return False
        self._note_id(id_)
        self._splice(at, 1, [])
        return True

    def _delete_all(self) -> None:
        self._note_all()
        self._splice(0, len(self.rows), [])
        self._leases.clear()

    def _next_number(self) -> int:
        self._note_all()
        return super()._next_number()

    def _note_all(self) -> None:
        for row in self._rows():
            self._note_id(str(row.id))

    def _position(self, id_: str) -> int | None:
        return next((at for at, row in enumerate(self._rows()) if row.id == id_), None)

    def _splice(self, at: int, count: int, new: list[list[Any]]) -> None:
        old = self.rows[at : at + count]
        self.rows[at : at + count] = new
        self._undo.append(partial(self.rows.__setitem__, slice(at, at + len(new)), old))


def _padded(row: list[Any]) -> Row:
    id_, *rest = row or [None]
    id_ = None if id_ is None else str(id_)
    return Row((id_, *rest, *[None] * (len(COLUMNS) - 1 - len(rest))))


def _has_version(row: Row, version: int) -> bool:
    try:
        return int(row.version or 0) == version
    except (TypeError, ValueError, OverflowError):  # a corrupt row in the caller's list
        return False
