"""The primitives that a back end implements: rows in, rows out, no rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from evergrant.stores.matching import Criterion
from evergrant.stores.rows import Row

__all__ = ["Backend"]

T = TypeVar("T")


class Backend(ABC):
    """What a storage must be able to do for `TokenStore`; each may raise `StoreUnavailable`."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[object]:
        """Make the primitives called inside one change, whole or not at all."""

    def _volatile_transaction(self) -> AbstractContextManager[object]:
        """Do the same for a change that may be lost if the power fails: a lease, a note."""
        return self._transaction()

    def _with_retries(self, change: Callable[[], T]) -> T:
        """Make a change, with its transactions; where the storage may break one off, again."""
        return change()

    @abstractmethod
    def _select(self, criterion: Criterion) -> list[Row]:
        """Return the rows whose columns equal all of the criterion's values (`matching.fits`)."""

    @abstractmethod
    def _select_by_user(self, name: str) -> list[Row]:
        """Return the rows whose user is called ``name`` or ``name:…`` (`names.belongs_to`)."""

    @abstractmethod
    def _rows(self) -> Iterator[Row]:
        """Yield all rows."""

    @abstractmethod
    def _insert(self, row: Row) -> bool:
        """Add a row; False if its id is taken."""

    @abstractmethod
    def _update(self, row: Row, version: int) -> bool:
        """Replace the row with this id if it has this version; False if it has not."""

    @abstractmethod
    def _delete(self, id_: str) -> bool:
        """Delete the row with this id; False if there is none."""

    def _delete_if_version(self, id_: str, version: int) -> bool:
        """Delete the row with this id if it has this version; False if it has not."""
        # In a transaction: where that keeps nobody else away, a back end says how.
        found = self._rows_at(id_)
        # As text: a storage may have numbers so.
        is_it = bool(found) and str(found[0].version or 0) == str(version)
        return is_it and self._delete(id_)

    def _rows_at(self, id_: str) -> list[Row]:
        """Return the row with this very id, if there is one, whatever it holds."""
        return [row for row in self._select(Criterion(id=id_)) if str(row.id) == id_]

    @abstractmethod
    def _delete_all(self) -> None:
        """Delete every row."""

    @abstractmethod
    def _next_number(self) -> int:
        """Return a number above every numeric id there is or ever was."""

    @abstractmethod
    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        """Note ``owner`` as the lease holder unless another's lease still runs."""

    @abstractmethod
    def _release(self, id_: str, owner: str) -> None:
        """Forget the lease if ``owner`` holds it."""

    @abstractmethod
    def _get_note(self, key: str) -> str:
        """Return a note's text; nothing where there is none."""

    @abstractmethod
    def _set_note(self, key: str, text: str, until: int) -> None:
        """Keep a note's text until this moment (epoch milliseconds); without text, none."""
