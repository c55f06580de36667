"""`LayeredStore`: a store over the rows of another one, for those that change what rows say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeVar

from evergrant.stores.base import TokenStore
from evergrant.stores.leases import Watch
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import Row
from evergrant.token import Token

__all__ = ["LayeredStore"]

T = TypeVar("T")


class LayeredStore(TokenStore):
    """Does all that the inner store does; a subclass overrides what it does otherwise.

    Args:
        inner: The store that keeps the rows; closed with this store.
    """

    def __init__(self, inner: TokenStore) -> None:
        super().__init__(clock=inner._clock)
        self._inner = inner
        self.url, self.stored_fields, self.id_width = inner.url, inner.stored_fields, inner.id_width
        self.repeats_ids, self.counts_ids = inner.repeats_ids, inner.counts_ids

    def _encode_row(self, row: Row) -> Row:
        return self._inner._encode_row(row)

    def _decode(self, row: Row) -> Token:
        return self._inner._decode(row)

    def _select(self, criterion: Criterion) -> list[Row]:
        return self._inner._select(criterion)

    def _select_by_user(self, name: str) -> list[Row]:
        return self._inner._select_by_user(name)

    def _rows(self) -> Iterator[Row]:
        return self._inner._rows()

    def _insert(self, row: Row) -> bool:
        return self._inner._insert(row)

    def _update(self, row: Row, version: int) -> bool:
        return self._inner._update(row, version)

    def _delete(self, id_: str) -> bool:
        return self._inner._delete(id_)

    def _delete_all(self) -> None:
        self._inner._delete_all()

    def _next_number(self) -> int:
        return self._inner._next_number()

    def _transaction(self) -> AbstractContextManager[object]:
        return self._inner._transaction()

    def _volatile_transaction(self) -> AbstractContextManager[object]:
        return self._inner._volatile_transaction()

    def _with_retries(self, change: Callable[[], T]) -> T:
        return self._inner._with_retries(change)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        return self._inner._acquire(id_, owner, ttl)

    def _release(self, id_: str, owner: str) -> None:
        self._inner._release(id_, owner)

    def _get_note(self, key: str) -> str:
        return self._inner._get_note(key)

    def _set_note(self, key: str, text: str, until: int) -> None:
        self._inner._set_note(key, text, until)

    def watch(self, id: str) -> Watch:  # noqa: A002 - as in the six methods
        """Return what waits for another caller's work on a token; see `TokenStore.watch`."""
        return self._inner.watch(id)

    def change_counter(self) -> int | None:
        """Return a number that differs after any change; see `TokenStore.change_counter`."""
        return self._inner.change_counter()

    def storage_time(self) -> datetime | None:
        """Return the time by the storage's own clock; see `TokenStore.storage_time`."""
        return self._inner.storage_time()

    def config_warnings(self) -> Iterator[str]:
        """Yield a sentence for each setting of the storage that endangers tokens."""
        return self._inner.config_warnings()

    def config_remarks(self) -> Iterator[str]:
        """Yield a sentence for each setting that costs time but endangers nothing."""
        return self._inner.config_remarks()

    def storage_id(self) -> Hashable:
        """Return what identifies the storage."""
        return self._inner.storage_id()

    def purge_deleted(self) -> None:
        """Overwrite deleted and replaced data; see `TokenStore.purge_deleted`."""
        self._inner.purge_deleted()

    def close(self) -> None:
        """Close the inner store."""
        self._inner.close()
