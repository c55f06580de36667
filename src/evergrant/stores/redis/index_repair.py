"""Repairs a store of which the server has dropped keys: all is rebuilt from the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._user_names import belongs_to
from evergrant.stores.matching import equal
from evergrant.stores.optimistic import is_unreadable, lookup_key
from evergrant.stores.redis import bookkeeping, scripts
from evergrant.stores.row_index import USER_PREFIX, index_keys
from evergrant.stores.rows import COLUMNS, Row

__all__ = ["is_found_by", "lookups_of", "repair", "rows_in"]

_logger = RateLimitedLog()


def repair(run: Callable[..., Any], store: str, sender: str) -> None:
    """Rebuild all keys that lead to rows, and log that.

    Args:
        run: Runs a script in the server, with its arguments.
        store: The store's URL.
        sender: Named in the notice of the change.
    """
    kept, gone, lacking = run(bookkeeping.REPAIR, sender)
    for id_ in lacking:
        for row in rows_in(run(scripts.BY_ID, id_)):
            run(bookkeeping.INDEX, id_, str(row.version or 0), *lookups_of(row))
    if kept or gone:
        _logger.warning(
            "%s had lost some of its own keys (is its memory full, or did another program delete "
            "them?): the index of its %d tokens was rebuilt; the rows of %d more tokens are gone, "
            "and their users have to log in again",
            store, kept, gone,
        )  # fmt: skip


def lookups_of(row: Row) -> list[str]:
    """Return the keys of the lookups that list a row."""
    return [lookup_key(*key) for key in index_keys(row)]


def is_found_by(row: Row, column: str, value: str) -> bool:
    """Return True if a row belongs to a lookup, or may do so because it cannot be read."""
    if is_unreadable(row):
        return True
    if column == USER_PREFIX:
        return isinstance(row.user_name, str) and belongs_to(row.user_name, value)
    return equal(column, getattr(row, column), value)


def rows_in(answer: list[list[str | None]]) -> list[Row]:
    """Return the rows in a script's response."""
    return [_row(values) for values in answer]


def _row(values: list[str | None]) -> Row:
    row = Row([*(value or None for value in values), *[None] * (len(COLUMNS) - len(values))])
    version = str(row.version or "0")
    return row._replace(version=int(version) if version.isdecimal() else version)
