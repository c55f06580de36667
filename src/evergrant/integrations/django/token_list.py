"""The tokens of a store as staff may see them, without secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice

from evergrant._core.grant_state import GrantStates
from evergrant._text import printable
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["Listing", "TokenRow", "find_by_form_key", "form_key", "make_row", "search"]


MAX_LISTED = 10_000
"""How many tokens are listed: a store may hold a million, and a page must load in a second."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token without its secrets.

    Attributes:
        key: Identifies the token in a form; see `form_key`.
    """

    key: str
    user: str
    client: str
    api_domain: str
    state: str
    expires_at: datetime | None
    refreshed_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """The tokens that match a search, sorted by user.

    Attributes:
        corrupt: How many rows of the store cannot be read.
        is_cut: True if more tokens match than are listed.
    """

    tokens: list[Token]
    corrupt: int
    is_cut: bool


def search(store: TokenStore, wanted: str = "") -> Listing:
    """Return the tokens of the user ``wanted``, or of all users whose names contain its words."""
    words = wanted.casefold().split()
    corrupt: list[object] = []
    fitting = (
        token
        for token in store.find_users(wanted) or store.iter_tokens(on_corrupt=corrupt.append)
        if all(word in (token.user_name or "").casefold() for word in words)
    )
    tokens = list(islice(fitting, MAX_LISTED))
    is_cut = next(fitting, None) is not None
    tokens.sort(key=_sort_key)
    return Listing(tokens, len(corrupt), is_cut)


def _sort_key(token: Token) -> tuple[str, str, str]:
    return (token.user_name or "(no user)").casefold(), token.client_id or "", form_key(token)


def make_row(token: Token, states: GrantStates) -> TokenRow:
    """Return a token without secrets, with its names escaped: they are untrusted text."""
    return TokenRow(
        key=form_key(token),
        user=printable(token.user_name or "(no user)"),
        client=printable(token.client_id or ""),
        api_domain=printable(token.api_domain or ""),
        state=states.describe(token),
        expires_at=token.expires_at,
        refreshed_at=token.updated_at,
        used_at=token.last_used_at,
    )


def form_key(token: Token) -> str:
    """Return the key of a token in a form: its id, and a hash of its owner.

    Between the page and the click, a store may give the same id to another user's token.
    """
    owner = json.dumps([token.user_name, token.client_id, token.org_id])
    return f"{token.id}.{sha256(owner.encode()).hexdigest()}"


def find_by_form_key(store: TokenStore, key: str) -> Token | None:
    """Return the token with this form key, or None if it is gone or now belongs to another user."""
    id_ = key.rpartition(".")[0]
    # A form may contain anything, such as a NUL, on which some databases fail.
    token = store.find_token_by_id(id_) if id_ and id_.isprintable() else None
    return token if token and form_key(token) == key else None
