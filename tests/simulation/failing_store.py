"""A store that can be down: for everybody, or for all who want to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from evergrant.errors import StoreUnavailable
from evergrant.stores.matching import Criterion
from evergrant.stores.memory import MemoryStore
from evergrant.stores.rows import Row

__all__ = ["FragileStore"]


class FragileStore(MemoryStore):
    """Looks at its ``health`` before whatever it does."""

    health: Literal["well", "read-only", "down"] = "well"

    def change_counter(self) -> int | None:
        self._reading()
        return super().change_counter()

    def _reading(self) -> None:
        if self.health == "down":
            raise StoreUnavailable("the storage is gone")

    def _write(self) -> None:
        if self.health != "well":
            raise StoreUnavailable(f"the storage is {self.health}")

    def _select(self, criterion: Criterion) -> list[Row]:
        self._reading()
        return super()._select(criterion)

    def _select_by_user(self, name: str) -> list[Row]:
        self._reading()
        return super()._select_by_user(name)

    def _rows(self) -> Iterator[Row]:
        self._reading()
        return super()._rows()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._write()
        with super()._transaction():
            yield

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        self._write()
        return super()._acquire(id_, owner, ttl)

    def _release(self, id_: str, owner: str) -> None:
        self._write()
        super()._release(id_, owner)
