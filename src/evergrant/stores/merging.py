"""Which of two versions of a token wins: as a whole, never field by field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from evergrant._user_names import same_name
from evergrant.token import Token

__all__ = ["is_from_deleted_row", "merge"]

_NEVER = datetime.min.replace(tzinfo=UTC)


def merge(stored: Token, incoming: Token, *, compared: bool, **changes: Any) -> Token:
    """Return what the row holds after saving ``incoming`` over ``stored``.

    Access token, expiry, refresh token, grant token, API domain and scopes are one unit, taken
    from one side. The incoming side wins

    - if its writer had read the current row (``compared``, or the versions agree), or
    - if it has the same access token, or
    - if it expires no earlier.

    Otherwise the row is fresher than the writer knew, and the stored side wins. Missing fields of
    the unit are filled in from the stored side only if both are the same grant. Of all other
    fields, those that the incoming side leaves out keep their stored values.

    Args:
        compared: The caller has compared versions itself (compare-and-swap).
        changes: Fields to set, whatever both sides say.
    """
    read = 0 < incoming.version == stored.version and not is_from_deleted_row(stored, incoming)
    knew = compared or read
    unit, gaps = incoming, {}
    if not knew and _is_stale(stored, incoming):
        unit = stored
    elif not _is_another_grant(stored, incoming):
        gaps = _fill_missing(stored, incoming, knew=knew)
    whole = {
        "id": stored.id,
        "created_at": _with_created_at(stored, unit, changes),
        "user_name": _spelled(stored.user_name, incoming.user_name),
        "client_id": incoming.client_id or stored.client_id,
        "client_secret": incoming.client_secret or stored.client_secret,
        "redirect_url": incoming.redirect_url or stored.redirect_url,
        "org_id": incoming.org_id or stored.org_id,
        "last_used_at": incoming.last_used_at or stored.last_used_at,
    }
    return replace(unit, **(gaps | whole | changes))


def _spelled(stored: str | None, incoming: str | None) -> str | None:
    """Return a user's name; if only its spelling differs, as the row has it for other programs."""
    if stored and incoming and same_name(stored, incoming):
        return stored
    return incoming or stored


def _with_created_at(stored: Token, unit: Token, changes: dict[str, Any]) -> datetime | None:
    """Return when the grant in the row was created; another grant begins with its save."""
    same = not stored.refresh_token and (
        (stored.access_token and stored.access_token == unit.access_token)
        or (stored.grant_token and stored.grant_token == unit.grant_token)
    )
    if unit is stored or same or not _is_another_grant(stored, unit):
        # The earlier one: the other was set by a clock that was ahead.
        return min(filter(None, (stored.created_at, unit.created_at)), default=None)
    news = unit.created_at if unit.created_at != stored.created_at else None
    now: datetime | None = changes.get("updated_at")
    return news or now or stored.created_at


def is_from_deleted_row(stored: Token, incoming: Token) -> bool:
    """Return True if a token was read from a former row with the same id and version.

    Versions of evergrant's own rows never repeat, except in a storage that was restored from a
    backup. Rows of other programs have no version: there, the grant must be the one that was read.
    """
    if (incoming.id, incoming.version) != (stored.id, stored.version):
        return False
    if not stored.version:
        return _is_another_grant(stored, incoming) or _is_stale(stored, incoming)
    known = incoming.updated_at and stored.updated_at
    return bool(known) and incoming.updated_at != stored.updated_at


def _is_another_grant(stored: Token, incoming: Token) -> bool:
    return bool(incoming.refresh_token) and incoming.refresh_token != stored.refresh_token


def _fill_missing(stored: Token, incoming: Token, *, knew: bool) -> dict[str, Any]:
    filled: dict[str, Any] = {
        "api_domain": incoming.api_domain or stored.api_domain,
        "scopes": incoming.scopes or stored.scopes,
    }
    if not knew:
        # Zoho sends the refresh token only once; a response without one does not revoke it.
        filled["refresh_token"] = incoming.refresh_token or stored.refresh_token
        filled["grant_token"] = incoming.grant_token or stored.grant_token
        if incoming.access_token == stored.access_token:
            filled["expires_at"] = incoming.expires_at or stored.expires_at
    return filled


def _is_stale(stored: Token, incoming: Token) -> bool:
    comparable = stored.refresh_token and incoming.access_token and incoming.expires_at
    if _is_another_grant(stored, incoming) and not comparable:
        return False
    if not incoming.access_token:
        return bool(stored.access_token)
    if incoming.access_token == stored.access_token:
        return False
    return (incoming.expires_at or _NEVER) < (stored.expires_at or _NEVER)
