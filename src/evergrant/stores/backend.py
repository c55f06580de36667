"""The primitives that a back end implements: rows in, rows out, no rules."""

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
    """What a storage must do for `TokenStore`. Each method may raise `StoreUnavailable`.

    Rows are `evergrant.stores.rows.Row`, in both directions.
    """

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[object]:
        """Make the calls inside one change, which happens as a whole or not at all."""

    def _volatile_transaction(self) -> AbstractContextManager[object]:
        """Do the same for a lease or a note, which may be lost if the power fails."""
        return self._transaction()

    def _with_retries(self, change: Callable[[], T]) -> T:
        """Make a change, with its transactions; repeat it if the storage broke one off."""
        return change()

    @abstractmethod
    def _select(self, criterion: Criterion) -> list[Row]:
        """Return the rows whose columns equal all of the criterion's values (`matching.fits`)."""

    @abstractmethod
    def _select_by_user(self, name: str) -> list[Row]:
        """Return the rows whose user is called ``name`` or ``name:…`` (`belongs_to`)."""

    @abstractmethod
    def _rows(self) -> Iterator[Row]:
        """Yield all rows."""

    @abstractmethod
    def _insert(self, row: Row) -> bool:
        """Add a row; return False if its id is taken."""

    @abstractmethod
    def _update(self, row: Row, version: int) -> bool:
        """Replace the row that has the same id and this version; return False if none has."""

    @abstractmethod
    def _delete(self, id_: str) -> bool:
        """Delete the row with this id; return False if there is no such row."""

    def _delete_if_version(self, id_: str, version: int) -> bool:
        """Delete the row with this id and version; return False if there is no such row."""
        # Called in a transaction. A back end whose transactions lock nothing overrides this.
        found = self._rows_at(id_)
        # Compared as text: some storages return numbers as text.
        is_it = bool(found) and str(found[0].version or 0) == str(version)
        return is_it and self._delete(id_)

    def _rows_at(self, id_: str) -> list[Row]:
        """Return the row with exactly this id, if there is one, even if it is corrupt."""
        return [row for row in self._select(Criterion(id=id_)) if str(row.id) == id_]

    @abstractmethod
    def _delete_all(self) -> None:
        """Delete every row."""

    @abstractmethod
    def _next_number(self) -> int:
        """Return a number larger than every numeric id that exists or ever existed."""

    @abstractmethod
    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        """Record ``owner`` as the lease holder, unless another owner's lease is active."""

    @abstractmethod
    def _release(self, id_: str, owner: str) -> None:
        """Forget the lease if ``owner`` holds it."""

    @abstractmethod
    def _get_note(self, key: str) -> str:
        """Return a note's text, or empty text if there is no such note."""

    @abstractmethod
    def _set_note(self, key: str, text: str, until: int) -> None:
        """Keep a note's text until a moment (epoch milliseconds); empty text deletes it."""
