"""The rules, for all stores, that decide which row a token belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from evergrant._masking import Masked
from evergrant._user_names import belongs_to, same_name
from evergrant.errors import Conflict
from evergrant.stores.merging import merge
from evergrant.stores.rows import Row
from evergrant.token import Token

__all__ = [
    "Criterion",
    "SaveTarget",
    "compatible",
    "criterion_for",
    "equal",
    "find_among",
    "fits",
    "freshest",
    "refuse_another_owner",
    "resolve_save",
    "row_of_user",
]


class Criterion(Masked, dict[str, str]):
    """Columns and the plain values that they must equal; its repr shows only the columns."""

    def __repr__(self) -> str:
        return f"Criterion({', '.join(self)})"


_NEVER = datetime.min.replace(tzinfo=UTC)


def criterion_for(token: Token) -> Criterion | None:
    """Return the criterion by which a partial token is looked up, or None if it names nothing.

    The user name decides, if there is one. Without it, the access token decides if the token
    names no client; else the grant token, then the refresh token, with client id and secret. A
    client id that is given must match too. Empty text is no criterion: it would match the rows of
    other users.
    """
    if token.user_name:
        return _of(token, "user_name", "client_id")
    if token.access_token and not token.client_id and not token.client_secret:
        return _of(token, "access_token")
    if token.client_id and token.client_secret:
        if token.grant_token:
            return _of(token, "grant_token", "client_id")
        if token.refresh_token:
            return _of(token, "refresh_token", "client_id")
    return None


def _of(token: Token, *columns: str) -> Criterion:
    criterion = Criterion()
    for column in columns:
        value: str | None = getattr(token, column)
        if value:
            criterion[column] = str.__str__(value)  # a secret's own __str__ is a mask
    return criterion


def find_among(tokens: Iterable[Token], asked: Token) -> Token | None:
    """Return the token among these that a partial token names, or None.

    This implements ``find_token`` for a store of your own that can list its tokens.
    """
    criterion = criterion_for(asked)
    if criterion is None:
        return None
    fitting = (t for t in tokens if all(equal(c, getattr(t, c), v) for c, v in criterion.items()))
    return freshest([token for token in fitting if compatible(token, asked)])


def equal(column: str, held: object, wanted: str) -> bool:
    """Return True if a column holds the value looked up; user names are compared by `same_name`."""
    if held == wanted:
        return True
    return column == "user_name" and isinstance(held, str) and same_name(held, wanted)


def fits(row: Row, criterion: Criterion) -> bool:
    """Return True if a row's columns equal all of the criterion's values."""
    return all(equal(column, getattr(row, column), value) for column, value in criterion.items())


def compatible(stored: Token, asked: Token) -> bool:
    """Return True unless a row that fits the criterion is of another user, client or org."""
    # Written out, not looped: this runs on every look-up.
    return (
        (
            stored.user_name == asked.user_name
            or not stored.user_name
            or not asked.user_name
            or same_name(stored.user_name, asked.user_name)
        )
        and (stored.client_id == asked.client_id or not stored.client_id or not asked.client_id)
        and (stored.org_id == asked.org_id or not stored.org_id or not asked.org_id)
    )


def freshest(tokens: Sequence[Token]) -> Token | None:
    """Return the token whose access token lives longest, or None if there are no tokens."""
    if len(tokens) == 1:
        return tokens[0]
    return max(tokens, key=_age_key, default=None)


def _age_key(token: Token) -> tuple[datetime, int, datetime]:
    return token.expires_at or _NEVER, token.version, token.updated_at or _NEVER


def refuse_another_owner(stored: Token, incoming: Token) -> None:
    """Refuse a token whose id is that of another owner's row.

    Raises:
        Conflict: User, client or org differ.
    """
    if not compatible(stored, incoming):
        raise Conflict(
            f"id {stored.id} belongs to {stored.user_name or 'another grant'}, "
            f"not to {incoming.user_name or 'this one'}; nothing was saved",
            token_id=stored.id,
            user=incoming.user_name,
            hint="Save without an id, or with the id of the user's own row.",
            retryable=False,
        )


class SaveTarget(NamedTuple):
    """Where a token is to be saved.

    Attributes:
        row: The stored row to update, or None for a new row.
        token: The token to save there.
        duplicate_id: The id of a row that becomes superfluous, to be deleted.
    """

    row: Token | None
    token: Token
    duplicate_id: str | None = None


def resolve_save(
    token: Token,
    by_id: Token | None,
    lookup: Callable[[Criterion], list[Token]],
    expected_version: int | None,
) -> SaveTarget:
    """Return where a token is to be saved: its row is found by id, else by user, else by grant.

    Args:
        by_id: The row with the token's id, if there is one.
        lookup: Returns the stored tokens that fit a criterion.

    Raises:
        Conflict: The row belongs to another owner, or its owner is not certain.
    """
    if by_id is not None:
        completed = _is_completed(by_id, token)
        if not completed:
            refuse_another_owner(by_id, token)
        if (by_id.user_name and not completed) or not token.user_name:
            return SaveTarget(by_id, token)
    elif token.id and expected_version:
        # The row was deleted and stays so. If the user has logged in again, that is another row,
        # which may have the same version by now.
        return SaveTarget(None, token)
    owner = row_of_user(token, lookup)
    if owner and token.refresh_token and owner.refresh_token == token.refresh_token:
        nameless = by_id
    else:
        nameless = by_id or _row_of_grant(token, lookup)
    if owner is None or nameless is None or expected_version is not None:
        if owner and by_id:
            raise Conflict("the user has another row now", token_id=by_id.id)
        return SaveTarget(owner or nameless, token)
    # The grant was saved before its owner was known. The owner's row takes it over, and the
    # nameless row must not stay as a duplicate.
    joined = merge(nameless, token, compared=False, version=0)
    return SaveTarget(owner, joined, duplicate_id=nameless.id)


def _is_completed(stored: Token, token: Token) -> bool:
    """Return True if a token adds the org to a row that is named by the bare e-mail address."""
    address, org = stored.user_name or "", token.user_name or ""
    return (
        "@" in address
        and ":" not in address
        and not same_name(org, address)
        and belongs_to(org, address)
        and stored.client_id == token.client_id
        and compatible(replace(stored, user_name=None), token)
    )


def row_of_user(token: Token, lookup: Callable[[Criterion], list[Token]]) -> Token | None:
    """Return the row of a token's user, client and org, or None.

    Args:
        lookup: Returns the stored tokens that fit a criterion.

    Raises:
        Conflict: The token does not say which of several clients or orgs it belongs to.
    """
    if not token.user_name:
        return None
    found = _nearest(lookup(_of(token, "user_name")), token)
    if len({(row.client_id, row.org_id) for row in found}) > 1:
        raise Conflict(
            "several clients or orgs have a token of this user; nothing was saved",
            user=token.user_name,
            hint="Save with the client id, or with the id of the row.",
            retryable=False,
        )
    return freshest(found)


def _row_of_grant(token: Token, lookup: Callable[[Criterion], list[Token]]) -> Token | None:
    columns = ["grant_token", "refresh_token", "access_token"]
    if not token.client_id and not token.client_secret:
        columns.reverse()  # as in finding
    for column in columns:
        if getattr(token, column):
            found = lookup(_of(token, column))
            if token.user_name:
                # A row of another owner is not ours, even if it holds the same grant.
                found = [row for row in found if not row.user_name or _is_completed(row, token)]
            if row := freshest(_nearest(found, token)):
                return row
    return None


def _nearest(found: list[Token], token: Token) -> list[Token]:
    """Return the rows that may be this token's, only those with its client and org if there are."""
    found = [row for row in found if compatible(row, token) or _is_completed(row, token)]
    for column in ("client_id", "org_id"):
        exact = [row for row in found if getattr(row, column) == getattr(token, column)]
        found = exact or found
    return found
