"""A token as the row of a table or file: the official SDK's ten columns, then evergrant's own."""

from __future__ import annotations

from datetime import datetime

from evergrant.clock import from_epoch_ms, to_epoch_ms
from evergrant.errors import CorruptRecord
from evergrant.token import Secret, Token

__all__ = ["COLUMNS", "OFFICIAL_COLUMNS", "Row", "decode", "encode"]

OFFICIAL_COLUMNS = (
    "id",
    "user_name",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "grant_token",
    "expiry_time",
    "redirect_url",
    "api_domain",
)
"""The official SDK's, in its order; it reads rows by position."""

COLUMNS = (
    *OFFICIAL_COLUMNS,
    "scopes",
    "org_id",
    "created_at",
    "updated_at",
    "last_used_at",
    "version",
)

Row = tuple[str | int | None, ...]
"""One value for each of `COLUMNS`: text, or None where there is nothing; moments in epoch
milliseconds as text (as the official SDK writes them); the version a number, 0 when unset."""


class _MaskedRow(tuple[str | int | None, ...]):
    """A row whose values do not show: it travels through frames that a traceback may print."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Row(id={self[0]!r})"


def encode(token: Token) -> Row:
    """Return a token as the row that holds it."""
    return _MaskedRow(
        (
            token.id,
            token.user_name or None,
            token.client_id or None,
            _reveal(token.client_secret),
            _reveal(token.refresh_token),
            _reveal(token.access_token),
            _reveal(token.grant_token),
            _moment_text(token.expires_at),
            token.redirect_url or None,
            token.api_domain or None,
            " ".join(token.scopes) or None,
            token.org_id or None,
            _moment_text(token.created_at),
            _moment_text(token.updated_at),
            _moment_text(token.last_used_at),
            token.version,
        )
    )


def _reveal(value: str | None) -> str | None:
    return value.reveal() if isinstance(value, Secret) else value or None


def _moment_text(moment: datetime | None) -> str | None:
    return None if moment is None else str(to_epoch_ms(moment))


def decode(row: Row) -> Token:
    """Return the token that a row holds.

    Raises:
        CorruptRecord: A value is of the wrong kind, or the row holds no token at all; names the
            id, and the column, never the value.
    """
    try:
        (
            id_, user_name, client_id, client_secret, refresh_token, access_token, grant_token,
            expiry_time, redirect_url, api_domain, scopes, org_id,
            created_at, updated_at, last_used_at, version,
        ) = row  # fmt: skip
        if not (access_token or refresh_token or grant_token):
            raise _corrupt(row, "it holds no access, refresh or grant token")
        return Token(
            id=str(id_),
            user_name=_text(user_name),
            client_id=_text(client_id),
            client_secret=Secret(client_secret) if client_secret else None,
            refresh_token=Secret(refresh_token) if refresh_token else None,
            access_token=Secret(access_token) if access_token else None,
            grant_token=Secret(grant_token) if grant_token else None,
            expires_at=_moment(expiry_time),
            redirect_url=_text(redirect_url),
            api_domain=_text(api_domain),
            scopes=tuple(scopes.split()) if scopes else (),  # type: ignore[union-attr]
            org_id=_text(org_id),
            created_at=_moment(created_at),
            updated_at=_moment(updated_at),
            last_used_at=_moment(last_used_at),
            version=int(version or 0),
        )
    except (TypeError, ValueError, OverflowError, AttributeError):
        # The cause is left out: its text quotes the value, which may be a misplaced secret.
        raise _corrupt(row, f"{_first_bad_column(row)} is unreadable") from None


def _text(value: str | int | None) -> str | None:
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise TypeError
    return value


def _moment(value: str | int | None) -> datetime | None:
    return from_epoch_ms(int(value)) if value else None


def _first_bad_column(row: Row) -> str:
    if len(row) != len(COLUMNS):
        return "the number of its columns"
    for column, value in zip(COLUMNS, row, strict=True):
        try:
            if column in ("expiry_time", "created_at", "updated_at", "last_used_at"):
                _moment(value)
            elif column == "version":
                int(value or 0)
            elif column != "id":
                _text(value)
        except (TypeError, ValueError, OverflowError):
            return f"its {column}"
    return "one of its columns"


def _corrupt(row: Row, why: str) -> CorruptRecord:
    row_id = str(row[0]) if row else None
    name = row[1] if len(row) > 1 else None
    return CorruptRecord(
        f"row {row_id} of the token store is corrupt: {why}",
        token_id=row_id,
        user=name if isinstance(name, str) else None,
    )
