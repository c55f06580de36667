"""`MemoryStore`: tokens in a dictionary, for scripts and tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from evergrant.clock import Clock, utc_now
from evergrant.stores.local import LocalStore
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, Row

__all__ = ["MemoryStore"]

_POSITION = {column: position for position, column in enumerate(COLUMNS)}
_NAMED = "named"


class MemoryStore(LocalStore):
    """Keeps tokens in memory (``memory:``); finding one takes the same time among any number."""

    def __init__(self, *, clock: Clock = utc_now) -> None:
        super().__init__(clock=clock)
        self.url = "memory:"
        self._by_id: dict[str, Row] = {}
        self._index: dict[tuple[str, str], dict[str, None]] = {}

    def _select(self, criterion: Criterion) -> list[Row]:
        with self._lock:
            if "id" in criterion:
                row = self._by_id.get(criterion["id"])
                return [] if row is None else [row]
            column, value = next(iter(criterion.items()))
            rows = self._indexed(column, value)
        return [row for row in rows if all(row[_POSITION[c]] == v for c, v in criterion.items())]

    def _select_named(self, name: str) -> list[Row]:
        with self._lock:
            return self._indexed(_NAMED, name)

    def _indexed(self, column: str, value: str) -> list[Row]:
        return [self._by_id[id_] for id_ in self._index.get((column, value), ())]

    def _rows(self) -> Iterator[Row]:
        with self._lock:
            rows = list(self._by_id.values())
        return iter(rows)

    def _insert(self, row: Row) -> bool:
        id_ = str(row[0])
        if id_ in self._by_id:
            return False
        self._note_id(id_)
        self._put(id_, row)
        return True

    def _update(self, row: Row, version: int) -> bool:
        id_ = str(row[0])
        stored = self._by_id.get(id_)
        if stored is None or stored[-1] != version:
            return False
        self._put(id_, row)
        return True

    def _delete(self, id_: str) -> bool:
        if id_ not in self._by_id:
            return False
        self._put(id_, None)
        return True

    def _delete_all(self) -> None:
        for id_ in list(self._by_id):
            self._put(id_, None)
        self._leases.clear()

    def _put(self, id_: str, row: Row | None) -> None:
        old = self._replace(id_, row)
        self._undo.append(partial(self._replace, id_, old))

    def _replace(self, id_: str, row: Row | None) -> Row | None:
        old = self._by_id.get(id_)
        if old is not None:
            for key in _index_keys(old):
                del self._index[key][id_]
                if not self._index[key]:
                    del self._index[key]
        if row is None:
            self._by_id.pop(id_, None)
        else:
            self._by_id[id_] = row
            for key in _index_keys(row):
                self._index.setdefault(key, {})[id_] = None
        return old


def _index_keys(row: Row) -> Iterator[tuple[str, str]]:
    for column in ("user_name", "access_token", "refresh_token", "grant_token"):
        value = row[_POSITION[column]]
        if isinstance(value, str):
            yield column, value
    name = row[_POSITION["user_name"]]
    if isinstance(name, str):
        yield _NAMED, name
        for position, character in enumerate(name):
            if character == ":":
                yield _NAMED, name[:position]
