"""Tokens and texts that the contract suite saves and looks for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = [
    "ALICE",
    "BOB",
    "HARD_TEXTS",
    "NOON",
    "SECRETS",
    "TEXT_FIELDS",
    "TWINS",
    "UNKEEPABLE",
    "Reopen",
    "grant",
    "of_client",
    "refreshed",
    "stored_contents",
]

Reopen = Callable[[], AbstractContextManager[TokenStore]]
"""Opens the same storage again."""

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)

TEXT_FIELDS = (
    "user_name",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "grant_token",
    "redirect_url",
    "api_domain",
    "org_id",
)
"""Fields that hold any text. An id may be limited in length, and scopes are words."""

HARD_TEXTS = (
    "o'brien",
    "x' or '1'='1",
    "1 or 1=1",
    '"; drop table oauthtoken; --',
    "%",
    "_",
    "*",
    "a,b;c\td",
    'say "hi"',
    "back\\slash\\'",
    "line\nbreak\r\nand more\r",
    " leading and trailing ",
    "\ufeffzero\u200bwidth",
    "emoji \U0001f511 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u0639\u0631\u0628\u064a \u4e2d\u6587 \u00df\u0130\u0131",
    "${HOME} {0} %s %(x)s",
    "None",
    "NULL",
    "0",
    "007",
    "x" * 255,
    "\U0001f511" * 255,
)
"""Texts that a store must keep exactly in every field; the official columns hold 255 characters."""

UNKEEPABLE = ("y" * 2_000, "a\x00b", "\x00", "lone \ud800 surrogate", "\x1b[31m\x07")
"""Texts that not every storage can keep. A store keeps them exactly, or refuses them."""

TWINS = (
    "alice",
    "Alice",
    "ALICE",
    "al\u0131ce",
    "alice ",
    " alice",
    "alice\n",
    "alic_",
    "alic%",
    "alic?",
    "alic",
    "alice\u200b",
    "\uff41lice",
    "caf\u00e9",
    "cafe\u0301",
    "cafe",
    "stra\u00dfe",
    "strasse",
    "1",
    "01",
    "1.0",
    "+1",
    "1 ",
)
"""Texts that databases may confuse: by case, padding, accents, patterns or numbers."""


def grant(who: str = "alice", client: str = "1000.APP", **changes: Any) -> Token:
    """Return one person's grant to one client, with every field of the official SDK."""
    whole = Token(
        user_name=f"{who}@example.com:60001",
        client_id=client,
        client_secret=f"planted-secret-{client}",
        refresh_token=f"planted-refresh-{who}-{client}",
        access_token=f"planted-access-{who}-{client}",
        grant_token=f"planted-grant-{who}-{client}",
        expires_at=NOON,
        redirect_url="https://app.example.com/callback",
        api_domain="https://www.zohoapis.eu",
        scopes=("ZohoCRM.modules.ALL", "ZohoCRM.users.READ"),
        org_id="60001",
    )
    return replace(whole, **changes)


def of_client(**fields: Any) -> Token:
    """Return a partial token that names Alice's client and its secret."""
    return Token(client_id=ALICE.client_id, client_secret=ALICE.client_secret, **fields)


def refreshed(token: Token, hours: int = 1, **changes: Any) -> Token:
    """Return the token that a writer who never read the row saves after a refresh."""
    fresh = replace(
        token,
        id=None,
        version=0,
        access_token=f"planted-access-{hours}-of-{token.user_name}",
        expires_at=NOON + timedelta(hours=hours),
    )
    return replace(fresh, **changes)


ALICE = grant("alice")
BOB = grant("bob")
SECRETS = "planted-"
"""How every secret of these tokens begins."""


def stored_contents(store: TokenStore) -> dict[str | None, Token]:
    """Return everything in a store, by id."""
    tokens = store.get_tokens()
    by_id = {token.id: token for token in tokens}
    assert len(by_id) == len(tokens), "two rows have the same id"
    return by_id
