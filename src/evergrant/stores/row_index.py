"""Rows in memory, each found at once by its id, user or token among any number of others."""

from __future__ import annotations

from collections.abc import Iterator

from evergrant._user_names import fold_name
from evergrant.stores.matching import Criterion, fits
from evergrant.stores.rows import Row

__all__ = ["USER_PREFIX", "Key", "RowIndex", "index_key", "index_keys"]

Key = str | int
"""A row's id; a number where that cannot be."""

USER_PREFIX = "named"
"""In the place of a column: a user's name, or its beginning up to a colon."""


class RowIndex:
    """Rows by their ids.

    Attributes:
        by_key: All rows; to be changed by `put` only.
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
        """Return the rows whose user is called ``name``, or ``name`` and a colon and more."""
        return self._indexed(USER_PREFIX, name)

    def grouped_by_user(self) -> Iterator[list[Row]]:
        """Yield the rows that have a user name in common with others."""
        for (column, _), keys in self._index.items():
            if column == "user_name" and len(keys) > 1:
                yield [self.by_key[key] for key in keys]

    def _indexed(self, column: str, value: str) -> list[Row]:
        return [self.by_key[key] for key in self._index.get(index_key(column, value), ())]

    def put(self, key: Key, row: Row | None) -> Row | None:
        """Put a row in the place of the one with this key, or of none; return that one."""
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
    """Return what rows with a value in a column are found by: names that are the same, as one."""
    return column, fold_name(value) if column in ("user_name", USER_PREFIX) else value


def index_keys(row: Row) -> Iterator[tuple[str, str]]:
    """Yield what a row is found by: columns, and the beginnings of its user's name."""
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
