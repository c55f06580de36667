"""The content of a `SecretsManagerStore`'s secrets: rows, and the index."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from evergrant._user_names import belongs_to
from evergrant.errors import StoreError
from evergrant.stores.matching import equal
from evergrant.stores.optimistic import lookup_key
from evergrant.stores.row_index import USER_PREFIX
from evergrant.stores.rows import COLUMNS, Row, numeric_id
from evergrant.token import Secret

__all__ = [
    "FOUND_BY",
    "TOMBSTONE",
    "Index",
    "StoredSecret",
    "index_entry",
    "parse_id",
    "parse_row",
    "refuse_too_large",
    "secret_name",
    "serialize_row",
]

FOUND_BY = ("user_name", "client_id", "refresh_token", "grant_token")
"""The columns in the index."""

MOST_GONE = 100
"""Number of deletions that the index remembers."""

TOMBSTONE = Secret("[]")
"""Content of a row's secret just before it is deleted."""

LARGEST = 65_536
"""Bytes that a secret can hold
(https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html)."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class StoredSecret(NamedTuple):
    """The current content of a secret."""

    text: Secret
    version: str


class Index:
    """The index, which has the id of each user.

    Attributes:
        number: The largest number that was an id.
        rows: By id, what a row is found by: user and client, and digests of its grants.
        gone: Notes about the latest deletions.
        unsure: An id up to this number that is not in the index may have been lost with it.
        version: Version of the secret, or None before the first.
        is_lost: There is no index, or it cannot be read.
    """

    def __init__(self, kept: StoredSecret | None) -> None:
        held = _parsed(kept.text) if kept else None
        self.is_lost = held is None
        held = held or {}
        self.number: int = held.get("number", 0)
        self.rows: dict[str, list[str]] = held.get("rows", {})
        self.gone: dict[str, str] = held.get("gone", {})
        self.unsure: int = held.get("unsure", 0)
        self.version = kept.version if kept else None

    def text(self) -> str:
        """Return the index as the text of a secret."""
        said: dict[str, Any] = {"number": self.number, "rows": self.rows}
        said |= {"gone": self.gone} if self.gone else {}
        said |= {"unsure": self.unsure} if self.unsure else {}
        return json.dumps(said, separators=(",", ":"))

    def note(self, key: str, text: str) -> None:
        """Keep a note of a deletion; the oldest ones are forgotten."""
        self.gone.pop(key, None)
        self.gone = dict([*self.gone.items(), (key, text)][-MOST_GONE:])

    def has_deleted(self, id_: str) -> bool:
        """Return True if a number was an id whose row was deleted."""
        return self.unsure < numeric_id(id_) <= self.number and id_ not in self.rows

    def rebuild(self, rows: list[Row], number: int) -> None:
        """Rebuild the index from the rows; new ids are above ``number``."""
        self.rows = {str(row.id): index_entry(row) for row in rows}
        self.number = self.unsure = max([number, *map(numeric_id, self.rows)])
        self.is_lost = False

    def ids(self, column: str, value: str) -> list[str]:
        """Return the ids of the rows with a value in a column."""
        if column == USER_PREFIX:
            return [id_ for id_, row in self.rows.items() if belongs_to(row[0], value)]
        at, wanted = FOUND_BY.index(column), _entry_value(column, value)
        return [id_ for id_, row in self.rows.items() if equal(column, row[at], wanted)]


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(held, dict) and isinstance(held.get("rows"), dict)
    return held if is_one and isinstance(held.get("number"), int) else None


def parse_id(text: Secret) -> str | None:
    """Return the id of the row in a secret, or None if it holds no row."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_row = isinstance(values, list) and values and isinstance(values[0], str)
    return values[0] if is_row else None


def secret_name(id_: str) -> str:
    """Return the name of a row's secret, without the store's prefix."""
    return f"token/{id_}" if _PLAIN.fullmatch(id_) else f"hashed/{lookup_key('id', id_)}"


def _entry_value(column: str, value: str) -> str:
    return value if column in ("user_name", "client_id") else lookup_key(column, value)[:12]


def index_entry(row: Row) -> list[str]:
    """Return what a row is found by, as in the index."""
    values = ((column, getattr(row, column)) for column in FOUND_BY)
    return [
        _entry_value(column, value) if isinstance(value, str) else "" for column, value in values
    ]


def serialize_row(row: Row) -> Secret:
    """Return a row as the text of a secret."""
    return Secret(json.dumps(list(row), separators=(",", ":")))


def parse_row(id_: str, text: Secret) -> Row:
    """Return the row in a secret; a row that cannot be read has only its id."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) != len(COLUMNS) or values[0] != id_:
        values = [id_, *[None] * (len(COLUMNS) - 1)]
    return Row(values)


def refuse_too_large(text: Secret, store: str) -> None:
    """Refuse a text that is too large for a secret.

    Raises:
        StoreError: It is larger than `LARGEST`.
    """
    if len(text.encode()) > LARGEST:
        del text  # a traceback may print local variables
        raise StoreError(
            f"a secret of {store} would be larger than {LARGEST:,} bytes",
            hint="Keep this many tokens in another store, such as DynamoDB: docs/aws.md.",
        )
