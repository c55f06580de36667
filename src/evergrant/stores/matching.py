"""Which row a token means, and which of two versions of it wins: the rules, once for all stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from evergrant.errors import Conflict
from evergrant.token import Secret, Token

__all__ = [
    "Criterion",
    "compatible",
    "find_criterion",
    "freshest",
    "merged",
    "refuse_another_owner",
    "save_criteria",
]


class Criterion(dict[str, str]):
    """Columns and the plain values they must all equal; shows the columns only."""

    def __repr__(self) -> str:
        return f"Criterion({', '.join(self)})"


_NEVER = datetime.min.replace(tzinfo=UTC)


def find_criterion(token: Token) -> Criterion | None:
    """Return what a partial token asks for, or None where it names nothing.

    The user name decides first; else the access token, when the token carries no client; else
    the grant token, then the refresh token, with client id and secret. A client id that is given
    must match as well. Empty text is no criterion: it would match somebody else's row.
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


def save_criteria(token: Token) -> Iterator[tuple[Criterion, bool]]:
    """Yield where a token to be saved may already be, best first.

    The flag says that only a nameless row will do: a grant whose owner was not known when it was
    first saved is the same grant, not a second one; one that has another owner is not ours.
    """
    first = find_criterion(token)
    if first is not None:
        yield first, False
    named = bool(token.user_name)
    if token.client_id:
        for column in ("refresh_token", "grant_token", "access_token"):
            if getattr(token, column):
                criterion = _of(token, column, "client_id")
                if criterion != first:
                    yield criterion, named


def _of(token: Token, *columns: str) -> Criterion:
    values = ((column, getattr(token, column)) for column in columns)
    return Criterion(
        (column, value.reveal() if isinstance(value, Secret) else value)
        for column, value in values
        if value
    )


def compatible(stored: Token, asked: Token) -> bool:
    """Say whether a row that fits the criterion is not another user's, client's or org's."""
    return not any(
        mine and theirs and mine != theirs
        for mine, theirs in (
            (stored.user_name, asked.user_name),
            (stored.client_id, asked.client_id),
            (stored.org_id, asked.org_id),
        )
    )


def freshest(tokens: Iterable[Token]) -> Token | None:
    """Return the token whose access token lives longest; None where there is none."""
    return max(tokens, key=_age_key, default=None)


def _age_key(token: Token) -> tuple[datetime, int, datetime]:
    return token.expires_at or _NEVER, token.version, token.updated_at or _NEVER


def merged(stored: Token, incoming: Token, *, decided: bool) -> Token:
    """Return what the row holds after saving ``incoming`` over ``stored``.

    Access token, expiry, refresh token, grant token and API domain are taken from one side as a
    whole. That is the incoming side when its writer had read the current row (``decided``, or
    the versions agree), when it continues the same access token, or when it is no older than
    what is stored; else the row is fresher than the writer knew, and stays. Of everything else,
    what the incoming side leaves out is kept.

    Args:
        decided: The caller has compared versions itself (compare-and-swap).
    """
    knew = decided or 0 < incoming.version == stored.version
    if knew or not _is_stale(stored, incoming):
        unit = incoming
        refresh_token = (
            incoming.refresh_token
            if knew
            # Zoho sends the refresh token only once: an answer without one does not revoke it.
            else (incoming.refresh_token or stored.refresh_token)
        )
    else:
        unit, refresh_token = stored, stored.refresh_token
    return replace(
        unit,
        refresh_token=refresh_token,
        api_domain=unit.api_domain or stored.api_domain,
        id=stored.id,
        created_at=stored.created_at or incoming.created_at,
        user_name=incoming.user_name or stored.user_name,
        client_id=incoming.client_id or stored.client_id,
        client_secret=incoming.client_secret or stored.client_secret,
        redirect_url=incoming.redirect_url or stored.redirect_url,
        scopes=incoming.scopes or stored.scopes,
        org_id=incoming.org_id or stored.org_id,
        last_used_at=incoming.last_used_at or stored.last_used_at,
    )


def _is_stale(stored: Token, incoming: Token) -> bool:
    new_grant = incoming.refresh_token and incoming.refresh_token != stored.refresh_token
    if not incoming.access_token:
        return not new_grant and bool(stored.access_token)
    if incoming.access_token == stored.access_token:
        return False
    return (incoming.expires_at or _NEVER) < (stored.expires_at or _NEVER)


def refuse_another_owner(stored: Token, incoming: Token) -> None:
    """Refuse a token whose id names somebody else's row.

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
