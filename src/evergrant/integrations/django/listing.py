"""What the staff sees of the tokens in a store: everything but their secrets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from evergrant.stores.base import TokenStore
from evergrant.text import printable
from evergrant.token import Token, state_of

__all__ = ["Listing", "Row", "find", "key_of", "read", "row_of"]


@dataclass(frozen=True, slots=True)
class Row:
    """A token without its secrets.

    Attributes:
        key: Names it in a form; see `key_of`.
    """

    key: str
    user: str
    client: str
    api_domain: str
    state: str
    expires_at: datetime | None
    renewed_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """The tokens that fit a search, by user.

    Attributes:
        corrupt: How many rows of the store cannot be read.
    """

    rows: list[Row]
    corrupt: int


def read(store: TokenStore, now: datetime, wanted: str = "") -> Listing:
    """Return the tokens of those users whose names have all the words of ``wanted``."""
    words = wanted.casefold().split()
    corrupt: list[object] = []
    rows = [
        row_of(token, now)
        for token in store.iter_tokens(on_corrupt=corrupt.append)
        if all(word in (token.user_name or "").casefold() for word in words)
    ]
    rows.sort(key=lambda row: (row.user.casefold(), row.client, row.key))
    return Listing(rows, len(corrupt))


def row_of(token: Token, now: datetime) -> Row:
    """Return what may be seen of a token; its names are anybody's text."""
    return Row(
        key=key_of(token),
        user=printable(token.user_name or "(no user)"),
        client=printable(token.client_id or ""),
        api_domain=printable(token.api_domain or ""),
        state=state_of(token, now),
        expires_at=token.expires_at,
        renewed_at=token.updated_at,
        used_at=token.last_used_at,
    )


def key_of(token: Token) -> str:
    """Return what names a token in a form: its id, and whose it is.

    A store may give the id to somebody else between the page and the click.
    """
    owner = json.dumps([token.user_name, token.client_id, token.org_id])
    return f"{token.id}.{sha256(owner.encode()).hexdigest()}"


def find(store: TokenStore, key: str) -> Token | None:
    """Return the token that a form names; None: it is gone, or is another's by now."""
    id_ = key.rpartition(".")[0]
    # A form may bring anything, such as a NUL, on which some databases fail.
    token = store.find_token_by_id(id_) if id_ and id_.isprintable() else None
    return token if token and key_of(token) == key else None
