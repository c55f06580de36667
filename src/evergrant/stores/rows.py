"""A token as a row of a table or file: the official SDK's ten columns, then evergrant's own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Self

from evergrant._masking import Masked, raise_without_context
from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.errors import CorruptRecord
from evergrant.token import Secret, Token

__all__ = [
    "COLUMNS",
    "ID_DIGITS",
    "OFFICIAL_COLUMNS",
    "TIMESTAMP_COLUMNS",
    "Row",
    "Value",
    "decode",
    "encode",
    "numeric_id",
]

Value = str | int | None
"""Text, or None for no value. Timestamps are epoch milliseconds as text (as the official SDK writes
them); the version is a number, 0 when unset. Other programs may write ids as numbers."""


class _Columns(NamedTuple):
    id: Value
    user_name: Value
    client_id: Value
    client_secret: Value
    refresh_token: Value
    access_token: Value
    grant_token: Value
    expiry_time: Value
    redirect_url: Value
    api_domain: Value
    scopes: Value
    org_id: Value
    created_at: Value
    updated_at: Value
    last_used_at: Value
    version: Value


class Row(Masked, _Columns):
    """A row as it is stored: one value for each of `COLUMNS`, unless it is malformed.

    Its repr shows only the id, since tracebacks may print the frames that it passes through.
    """

    __slots__ = ()

    def __new__(cls, values: Iterable[Value]) -> Self:
        """Make a row of any number of values; `decode` refuses a malformed row."""
        return tuple.__new__(cls, values)

    def __repr__(self) -> str:
        return f"Row(id={self[0]!r})"


COLUMNS = Row._fields
OFFICIAL_COLUMNS = COLUMNS[:10]
"""The official SDK's columns in its order, since it reads rows by position."""

ID_DIGITS = 10
"""The official tables keep ids in a varchar(10)."""

MAX_ID_LENGTH = 64
"""Length of the longest id that evergrant's own tables have room for, in characters."""

TIMESTAMP_COLUMNS = frozenset({"expiry_time", "created_at", "updated_at", "last_used_at"})
_MAYBE_NUMERIC = TIMESTAMP_COLUMNS | {"id"}
_VERSIONS = range(2**63 - 1)  # what a 64-bit column holds, with room for the next one
_TEXT_OR_NOTHING = frozenset({str, type(None)})
_secret = partial(str.__new__, Secret)  # for plain text only: skips the checks of Secret


class _MutableToken:
    """A Token while its fields are set, which takes four times as long on the frozen class.

    That would be a third of the time that finding a token takes.
    """

    __slots__ = Token.__slots__


def encode(token: Token) -> Row:
    """Return a token as a row.

    Raises:
        TypeError: A field has the wrong type, which would make the stored row unreadable.
    """
    return Row(
        (
            _plain(token.id),
            _plain(token.user_name),
            _plain(token.client_id),
            _plain(token.client_secret),
            _plain(token.refresh_token),
            _plain(token.access_token),
            _plain(token.grant_token),
            _moment_text(token.expires_at),
            _plain(token.redirect_url),
            _plain(token.api_domain),
            _plain(" ".join(token.scopes)),
            _plain(token.org_id),
            _moment_text(token.created_at),
            _moment_text(token.updated_at),
            _moment_text(token.last_used_at),
            token.version,
        )
    )


def _plain(value: str | None) -> str | None:
    return str.__str__(value) if value else None


def _moment_text(moment: datetime | None) -> str | None:
    return None if moment is None else str(to_epoch_ms(moment))


def decode(row: Row) -> Token:
    """Return the token in a row.

    Raises:
        CorruptRecord: A value has the wrong type, or the row holds no token at all. The message
            names the id and the column, never the value.
    """
    try:
        texts: Any = row[:-1]
        if not _TEXT_OR_NOTHING.issuperset(map(type, texts)):
            texts = _as_texts(row)
        (
            id_, user_name, client_id, client_secret, refresh_token, access_token, grant_token,
            expiry_time, redirect_url, api_domain, scopes, org_id,
            created_at, updated_at, last_used_at,
        ) = texts  # fmt: skip
        if not id_:
            raise _corrupt(row, "it has no id")
        if not (access_token or refresh_token or grant_token):
            raise _corrupt(row, "it holds no access, refresh or grant token")
        token: Any = _MutableToken()
        token.id = id_
        token.user_name = user_name or None
        token.client_id = client_id or None
        token.client_secret = _secret(client_secret) if client_secret else None
        token.refresh_token = _secret(refresh_token) if refresh_token else None
        token.access_token = _secret(access_token) if access_token else None
        token.grant_token = _secret(grant_token) if grant_token else None
        token.expires_at = from_epoch_ms(int(expiry_time)) if expiry_time else None
        token.redirect_url = redirect_url or None
        token.api_domain = api_domain or None
        token.scopes = tuple(scopes.split()) if scopes else ()
        token.org_id = org_id or None
        token.created_at = from_epoch_ms(int(created_at)) if created_at else None
        token.updated_at = from_epoch_ms(int(updated_at)) if updated_at else None
        token.last_used_at = from_epoch_ms(int(last_used_at)) if last_used_at else None
        token.version = _version(row.version)
        token.__class__ = Token
        frozen: Token = token
        return frozen  # noqa: TRY300 - an else would slow down every read of a store
    except (TypeError, ValueError, OverflowError):
        # The error that was caught quotes the value, which may be a misplaced secret.
        raise_without_context(_corrupt(row, f"{_first_bad_column(row)} is unreadable"))


def _as_texts(row: Row) -> list[str | None]:
    """Return the values of a row, but its version, as text; other programs write some numbers."""
    return [_as_text(column, value) for column, value in zip(COLUMNS[:-1], row[:-1], strict=True)]


def _as_text(column: str, value: Value) -> str | None:
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or (type(value) is int and column in _MAYBE_NUMERIC):
        return None if value is None else str(value)
    raise TypeError


def _version(value: Value) -> int:
    number = int(value or 0)
    if number not in _VERSIONS:
        raise ValueError
    return number


def _first_bad_column(row: Row) -> str:
    if len(row) != len(COLUMNS):
        return "the number of its columns"
    for column, value in zip(COLUMNS, row, strict=True):
        try:
            if column == "version":
                _version(value)
            elif (text := _as_text(column, value)) and column in TIMESTAMP_COLUMNS:
                from_epoch_ms(int(text))
        except (TypeError, ValueError, OverflowError):
            return f"its {column}"
    return "one of its columns"


def _corrupt(row: Row, why: str) -> CorruptRecord:
    row_id = _shortened(str(row.id)) if len(row) else None
    # In a row that lost a column, a secret may be in the place of the name.
    name = row.user_name if len(row) == len(COLUMNS) else None
    return CorruptRecord(
        f"row {row_id} of the token store is corrupt: {why}",
        token_id=row_id,
        user=name if isinstance(name, str) else None,
    )


def _shortened(id_: str) -> str:
    # A text that is longer than any id may be a token that slipped into its place.
    return id_ if len(id_) <= MAX_ID_LENGTH else f"{id_[:8]}..."


def numeric_id(id_: str) -> int:
    """Return an id as a number, or 0 if no generated id can ever equal it."""
    return int(id_) if len(id_) <= ID_DIGITS and id_.isascii() and id_.isdecimal() else 0
