"""Asks Zoho whose a found grant is, with one refresh for each grant."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from evergrant._masking import masks_locals
from evergrant._user_names import fold_name
from evergrant.accounts import FOREIGN_GRANT, Accounts
from evergrant.adopt import Found
from evergrant.errors import EvergrantError, OAuthError
from evergrant.token import Token

__all__ = ["Resolved", "Taken", "owner_key", "resolve"]

Taken = Collection[tuple[str, str | None]]
"""The users that have a grant, each with the client of it; see `owner_key`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A grant with its owner, ready to be saved.

    Attributes:
        token: The token to save, or None if it is of no use.
        note: What a person should know of it, in words, or "".
    """

    found: Found
    token: Token | None
    note: str = ""


def owner_key(token: Token) -> tuple[str, str | None]:
    """Return the user, as users are compared, and the client of a token."""
    return fold_name(token.user_name or ""), token.client_id


@masks_locals
def resolve(found: Found, accounts: Accounts, *, taken: Taken, home: str | None = None) -> Resolved:
    """Return a grant with the user's name that Zoho tells, or a key from the file's name.

    Zoho makes ten access tokens of a grant in ten minutes. One request is sent, and only where
    the data center is unknown, one to each until one knows the grant.

    Args:
        taken: The owners of other grants in the store. A second grant of one owner gets a name
            of its own: it covers other scopes, and must not replace the first.
        home: The code of the data center to begin with where it is unknown.
    """
    token = found.token
    if not token.refresh_token:
        return Resolved(found=found, token=None, note="no refresh token: it ends within the hour")
    if not token.client_id and accounts.client is None:
        hint = "its client is unknown: set EVERGRANT_CLIENT_ID and EVERGRANT_CLIENT_SECRET"
        return Resolved(found=found, token=None, note=hint)
    if token.user_name and token.client_id:
        return Resolved(found=found, token=token)
    token = _with_client(token, accounts)
    refused: list[str] = []
    asked = accounts.data_centers_from(found.data_center or home)
    for data_center in asked[:1] if found.data_center else asked:
        there = token if found.data_center else replace(token, api_domain=data_center.api_url)
        try:
            return _identified(found, accounts.refresh(there), accounts, taken)
        except FOREIGN_GRANT:
            refused.append(data_center.code)
        except EvergrantError as error:
            kept = _named(found, there, taken)
            note = f"{error.message}; kept as {kept.user_name}"
            return Resolved(found=found, token=kept, note=note)
    where = ", ".join(refused)
    note = f"Zoho refuses it ({where}): revoked, or of another client or data center"
    return Resolved(found=found, token=None, note=note)


def _with_client(token: Token, accounts: Accounts) -> Token:
    if token.client_id or accounts.client is None:
        return token
    return replace(token, client_id=accounts.client.client_id)


def _identified(found: Found, fresh: Token, accounts: Accounts, taken: Taken) -> Resolved:
    if fresh.user_name:
        return Resolved(found=found, token=fresh)
    try:
        user, org = accounts.fetch_owner(fresh)
    except OAuthError as error:
        kept = _named(found, fresh, taken)
        note = f"Zoho does not say whose it is ({error.message}); kept as {kept.user_name}"
        return Resolved(found=found, token=kept, note=note)
    named = replace(fresh, user_name=user, org_id=org or fresh.org_id)
    if owner_key(named) in taken:
        kept = _named(found, fresh, taken)
        note = f"{user} has another grant in the store; kept as {kept.user_name}"
        return Resolved(found=found, token=kept, note=note)
    return Resolved(found=found, token=named)


def _named(found: Found, token: Token, taken: Taken) -> Token:
    """Return the token under a name from its file's name that no other grant has."""
    if token.user_name:
        return token
    base = re.sub(r"[^\w.@+-]+", "-", found.key).strip("-") or "zoho"
    names = {name for name, _ in taken}
    name, number = base, 1
    while name in names:
        number += 1
        name = f"{base}-{number}"
    return replace(token, user_name=name)
