"""`MemoryStore`: tokens in a dictionary, for scripts and tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from evergrant.clock import Clock, utc_now
from evergrant.stores.in_process import InProcessStore
from evergrant.stores.matching import Criterion
from evergrant.stores.row_index import Key, RowIndex
from evergrant.stores.rows import Row

__all__ = ["MemoryStore"]


class MemoryStore(InProcessStore):
    """Keeps tokens in memory (``memory:``); a look-up takes as long among one as among millions."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        super().__init__(clock=clock)
        self.url = "memory:"
        self._table = RowIndex()

    def _select(self, criterion: Criterion) -> list[Row]:
        with self._lock:
            return self._table.select(criterion)

    def _select_by_user(self, name: str) -> list[Row]:
        with self._lock:
            return self._table.select_named(name)

    def _rows(self) -> Iterator[Row]:
        with self._lock:
            rows = list(self._table.by_key.values())
        return iter(rows)

    def _insert(self, row: Row) -> bool:
        id_ = str(row.id)
        if id_ in self._table.by_key:
            return False
        self._note_id(id_)
        self._put(id_, row)
        return True

    def _update(self, row: Row, version: int) -> bool:
        id_ = str(row.id)
        stored = self._table.by_key.get(id_)
        if stored is None or stored.version != version:
            return False
        self._put(id_, row)
        return True

    def _delete(self, id_: str) -> bool:
        if id_ not in self._table.by_key:
            return False
        self._put(id_, None)
        return True

    def _delete_all(self) -> None:
        for id_ in list(self._table.by_key):
            self._put(id_, None)
        self._leases.clear()

    def _put(self, id_: Key, row: Row | None) -> None:
        old = self._table.put(id_, row)
        self._undo.append(partial(self._table.put, id_, old))
