"""A correct store on a dictionary, and a way to run the contract suite on a faulty one."""

from __future__ import annotations

import inspect
import tempfile
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from evergrant._user_names import belongs_to
from evergrant.clock import utc_now
from evergrant.stores.base import TokenStore
from evergrant.stores.matching import Criterion, equal
from evergrant.stores.rows import COLUMNS, Row, numeric_id
from evergrant.testing import StoreContract
from evergrant.token import Token

__all__ = ["CHECKS", "AnswersTooMuch", "CredulousDict", "DictStore", "Shelf", "failures"]

CHECKS = tuple(name for name in dir(StoreContract) if name.startswith("test_"))


class Shelf:
    """What all handles on one storage share."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.rows: dict[str, Row] = {}
        self.leases: dict[str, tuple[str, datetime]] = {}
        self.notes: dict[str, str] = {}
        self.last_number = 0
        self.changes = 0
        self.releases = 0


class DictStore(TokenStore):
    """The simplest store that passes; those derived from it have one fault each."""

    caught_by: ClassVar[tuple[str, ...]] = ()
    """The checks that must fail."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__(clock=utc_now)
        self.shelf = shelf or Shelf()

    @classmethod
    def make(cls, folder: Path) -> DictStore:
        """Make a new store."""
        return cls()

    def another(self) -> DictStore:
        """Return another handle on the same storage."""
        return type(self)(self.shelf)

    def change_counter(self) -> int | None:
        return self.shelf.changes

    def _wait_counter(self) -> Hashable:
        return self.change_counter(), self.shelf.releases

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.shelf.lock:
            before = self.shelf.rows.copy()
            try:
                yield
            except BaseException:
                self.shelf.rows = before
                raise
            self.shelf.changes += before != self.shelf.rows

    def _select(self, criterion: Criterion) -> list[Row]:
        return [row for row in self._all() if all(self._fits(row, *c) for c in criterion.items())]

    def _fits(self, row: Row, column: str, value: str) -> bool:
        return equal(column, row[COLUMNS.index(column)], value)

    def _select_by_user(self, name: str) -> list[Row]:
        return [row for row in self._all() if row[1] and belongs_to(str(row[1]), name)]

    def _rows(self) -> Iterator[Row]:
        return iter(self._all())

    def _all(self) -> list[Row]:
        with self.shelf.lock:
            return list(self.shelf.rows.values())

    def _insert(self, row: Row) -> bool:
        if str(row[0]) in self.shelf.rows:
            return False
        self._put(row)
        return True

    def _update(self, row: Row, version: int) -> bool:
        stored = self.shelf.rows.get(str(row[0]))
        if stored is None or stored[-1] != version:
            return False
        self._put(row)
        return True

    def _put(self, row: Row) -> None:
        self.shelf.last_number = max(self.shelf.last_number, numeric_id(str(row[0])))
        self.shelf.rows[str(row[0])] = row

    def _delete(self, id_: str) -> bool:
        return self.shelf.rows.pop(id_, None) is not None

    def _delete_all(self) -> None:
        self.shelf.rows.clear()

    def _next_number(self) -> int:
        self.shelf.last_number += 1
        return self.shelf.last_number

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        with self.shelf.lock:
            holder, until = self.shelf.leases.get(id_, (owner, self._clock()))
            if holder != owner and self._clock() < until:
                return False
            self.shelf.leases[id_] = (owner, self._clock() + timedelta(seconds=ttl))
            return True

    def _release(self, id_: str, owner: str) -> None:
        with self.shelf.lock:
            if self.shelf.leases.get(id_, ("",))[0] == owner:
                del self.shelf.leases[id_]
                self.shelf.releases += 1

    def _get_note(self, key: str) -> str:
        return self.shelf.notes.get(key, "")

    def _set_note(self, key: str, text: str, until: int) -> None:
        self.shelf.notes[key] = text


class CredulousDict(DictStore):
    """Believes what it is led to, as a store that brings look-ups of its own may."""

    def _lookup(self, criterion: Criterion) -> list[Token]:
        return [self._decode(row) for row in self._select(criterion)]

    def find_users(self, name: str) -> list[Token]:
        return [self._decode(row) for row in self._select_by_user(name)] if name else []


class AnswersTooMuch(DictStore):
    """Leads to every row there is, whatever was looked up."""

    def _select(self, criterion: Criterion) -> list[Row]:
        return self._all()

    def _select_by_user(self, name: str) -> list[Row]:
        return self._all()


def failures(
    make: Callable[[Path], TokenStore], checks: tuple[str, ...] = CHECKS
) -> dict[str, str]:
    """Run checks of the suite, each on a new store; return what failed, and how."""
    suite, failed = StoreContract(), {}
    for name in checks:
        check: Any = getattr(suite, name)
        with tempfile.TemporaryDirectory() as folder, make(Path(folder)) as store:
            fixtures: dict[str, Any] = {
                "store": store,
                "reopen": getattr(store, "another", lambda store=store: nullcontext(store)),
                "folder": getattr(store, "folder", None),
            }
            wanted = inspect.signature(check).parameters
            try:
                check(**{fixture: fixtures[fixture] for fixture in wanted})
            except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - the result
                failed[name] = f"{type(failure).__name__}: {failure}"
    return failed
