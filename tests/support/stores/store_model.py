"""What every store must do, in its plainest form: a dictionary of tokens, and who holds what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from evergrant.token import SECRET_FIELDS, Token

__all__ = ["NOON", "Model", "RefusedError", "a_login", "a_token", "plain"]

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class RefusedError(Exception):
    """The store must raise `Conflict` here, and change nothing."""


def a_token(user: str, client: str, grant: int, hour: int) -> Token:
    """Return what this user's client got at an hour for a grant; 0 is one without refresh token."""
    return Token(
        user_name=user,
        client_id=client,
        client_secret="planted-secret",
        access_token=f"access {user} {client} {grant} {hour}",
        refresh_token=f"refresh {user} {client} {grant}" if grant else None,
        grant_token=f"code {user} {client} {grant}" if grant == 1 else None,
        expires_at=NOON + timedelta(hours=hour),
        scopes=("ZohoCRM.modules.ALL",) if hour % 2 else (),
    )


def a_login(number: int, client: str, hour: int) -> Token:
    """Return what somebody got at an hour who has logged in and whose name is not known yet."""
    return replace(a_token(f"login {number}", client, 1, hour), user_name=None)


def plain(token: Token | None) -> Token | None:
    """Return a stored token without the moments, which the store itself decides."""
    return token and replace(token, created_at=None, updated_at=None)


class Model:
    """Tokens by id, one for each user and client.

    Attributes:
        rows: What must be there; each as the store returned it.
        used: Every id that a row ever had.
        versions: Every version that a row ever had, behind its id.
        holders: Who holds the lease on which id.
        notes: What is noted under which key.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Token] = {}
        self.used: set[str] = set()
        self.versions: set[tuple[str, int]] = set()
        self.holders: dict[str, object] = {}
        self.notes: dict[str, str] = {}

    def saved(self, new: Token, expected_version: int | None) -> tuple[Token, str | None]:
        """Return what saving a token makes (without an id: a new row), and the id that goes.

        A new row of a chosen id has version 0 here: the store makes up one that was never there.

        Raises:
            RefusedError: It must not be saved.
        """
        row, login = self._places(new, expected_version)
        if expected_version not in (None, row.version if row else 0):
            raise RefusedError
        compared = expected_version is not None
        if login and row:
            joined = replace(_merged(login, new, compared=False), version=0)
            return _merged(row, joined, compared=False), login.id
        row = row or login
        if row is None:
            return replace(new, version=0 if new.id else 1), None
        if compared and _is_of_another_life(row, new):
            raise RefusedError
        return _merged(row, new, compared=compared), None

    def _places(self, new: Token, expected_version: int | None) -> tuple[Token | None, ...]:
        """Return the row that is the user's, and that of a login that turns out to be theirs."""
        named = self.rows.get(new.id or "")
        if named and not _may_be_one(named, new):
            raise RefusedError
        if named and (named.user_name or not new.user_name):
            return named, None
        if named is None and new.id and expected_version:
            raise RefusedError  # it was deleted, and stays so
        own = self.of_user(new)
        login = named or self._login_of(new)
        if own and named is None and login and own.refresh_token == new.refresh_token:
            login = None
        if own and login and expected_version is not None:
            if named:
                raise RefusedError
            login = None
        return (own, login) if own else (login, None)

    def of_user(self, token: Token) -> Token | None:
        """Return the row of a token's user and client."""
        fitting = (
            row
            for row in self.rows.values()
            if token.user_name
            and (row.user_name, row.client_id) == (token.user_name, token.client_id)
        )
        return next(fitting, None)

    def _login_of(self, token: Token) -> Token | None:
        """Return the row of the same grant: of nobody, or, for a token without name, of anybody."""
        for name in ("grant_token", "refresh_token", "access_token"):
            value = getattr(token, name)
            found = [
                row
                for row in self.rows.values()
                if value and getattr(row, name) == value and row.client_id == token.client_id
                if not (token.user_name and row.user_name)
            ]
            if found:
                return _freshest(found)
        return None

    def put(self, token: Token, gone: str | None) -> None:
        """Note what was saved, and that a login went up in it."""
        assert token.id
        self.rows[token.id] = token
        self.used.add(token.id)
        self.versions.add((token.id, token.version))
        if gone:
            del self.rows[gone]

    def clear(self) -> None:
        """Delete all tokens; whoever refreshes one does so in vain."""
        self.rows.clear()
        self.holders.clear()

    def answers(self) -> Iterator[tuple[Token, Token | None]]:
        """Yield every way to ask for a token that is there, and the answer."""
        for row in self.rows.values():
            if row.user_name:
                yield self._answer(user_name=row.user_name)
                yield self._answer(user_name=row.user_name, client_id=row.client_id)
            yield self._answer(access_token=row.access_token)
            whose = {"client_id": row.client_id, "client_secret": row.client_secret}
            for name in ("grant_token", "refresh_token"):
                if value := getattr(row, name):
                    yield self._answer(**whose, **{name: value})

    def _answer(self, **asked: str | None) -> tuple[Token, Token | None]:
        wanted = {name: value for name, value in asked.items() if name != "client_secret"}
        rows = self.rows.values()
        fitting = [row for row in rows if all(getattr(row, n) == v for n, v in wanted.items())]
        return Token(**asked), _freshest(fitting) if fitting else None  # type: ignore[arg-type]


def _may_be_one(row: Token, new: Token) -> bool:
    same_client = row.client_id == new.client_id
    return same_client and (not (row.user_name and new.user_name) or row.user_name == new.user_name)


def _is_of_another_life(row: Token, new: Token) -> bool:
    """Return True if a token is a copy of a row that was deleted before this one came."""
    is_copy = new.updated_at and (new.id, new.version) == (row.id, row.version)
    return bool(is_copy) and new.updated_at != row.updated_at


def _freshest(rows: list[Token]) -> Token:
    return max(rows, key=lambda row: (row.expires_at or NOON, row.version, row.updated_at or NOON))


def _merged(row: Token, new: Token, *, compared: bool) -> Token:
    """Return a row after a save: access token, expiry and what came with them go together."""
    is_read = new.version == row.version > 0 and not _is_of_another_life(row, new)
    knew = compared or is_read
    first_refresh_token = new.refresh_token and not row.refresh_token
    same = new.access_token == row.access_token
    is_older = new.expires_at and row.expires_at and new.expires_at < row.expires_at
    if is_older and not (knew or first_refresh_token or same):
        kept = row
    elif new.refresh_token and new.refresh_token != row.refresh_token:
        kept = new
    else:
        kept = replace(new, scopes=new.scopes or row.scopes)
        if not knew:
            lasting = {name: getattr(new, name) or getattr(row, name) for name in SECRET_FIELDS}
            kept = replace(kept, **lasting)
    user = new.user_name or row.user_name
    return replace(
        kept, id=row.id, user_name=user, created_at=row.created_at, version=row.version + 1
    )
