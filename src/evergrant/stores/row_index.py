"""Rows in memory, indexed by id, user and token."""

from __future__ import annotations

from collections.abc import Iterator

from evergrant._user_names import fold_name
from evergrant.stores.matching import Criterion, fits
from evergrant.stores.rows import Row

__all__ = ["USER_PREFIX", "Key", "RowIndex", "index_key", "index_keys"]

Key = str | int
"""A row's id, or a number if the row's id cannot be its key."""

USER_PREFIX = "named"
"""Stands for a column in the index: a user's name, or its beginning up to a colon."""


class RowIndex:
    """Rows by their ids.

    Attributes:
        by_key: All rows; only `put` may change it.
    """

    def __init__(self) -> None:
        self.by_key: dict[Key, Row] = {}
        self._index: dict[tuple[str, str], dict[Key, None]] = {}

    def select(self, criterion: Criterion) -> list[Row]:
        """Return the rows whose columns equal all of the criterion's values."""
        if "id" in criterion:
            row = self.by_key.get(criterion["id"])
            return [] if row is None else [row]
        column, value = next(iter(criterion.items()))
        return [row for row in self._indexed(column, value) if fits(row, criterion)]

    def select_named(self, name: str) -> list[Row]:
        """Return the rows whose user is called ``name`` or ``name:…``."""
        return self._indexed(USER_PREFIX, name)

    def grouped_by_user(self) -> Iterator[list[Row]]:
        """Yield each group of several rows with the same user name."""
        for (column, _), keys in self._index.items():
            if column == "user_name" and len(keys) > 1:
                yield [self.by_key[key] for key in keys]

    def _indexed(self, column: str, value: str) -> list[Row]:
        return [self.by_key[key] for key in self._index.get(index_key(column, value), ())]

    def put(self, key: Key, row: Row | None) -> Row | None:
        """Set (or with None, delete) the row with this key; return the former row, if any."""
        old = self.by_key.get(key)
        if old is not None:
            for entry in index_keys(old):
                del self._index[entry][key]
                if not self._index[entry]:
                    del self._index[entry]
        if row is None:
            self.by_key.pop(key, None)
        else:
            self.by_key[key] = row
            for entry in index_keys(row):
                self._index.setdefault(entry, {})[key] = None
        return old


def index_key(column: str, value: str) -> tuple[str, str]:
    """Return the index key of a value in a column; equal for all spellings of a user name."""
    return column, fold_name(value) if column in ("user_name", USER_PREFIX) else value


def index_keys(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the index keys of a row: its columns, and the beginnings of its user name."""
    for column in ("user_name", "access_token", "refresh_token", "grant_token"):
        value = getattr(row, column)
        if isinstance(value, str):
            yield index_key(column, value)
    name = row.user_name
    if isinstance(name, str):
        name = fold_name(name)
        yield USER_PREFIX, name
        for position, character in enumerate(name):
            if character == ":":
                yield USER_PREFIX, name[:position]
