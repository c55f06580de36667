"""Stores as users write them: the six methods, and nothing of evergrant's rules."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from evergrant.stores.matching import find_among
from evergrant.token import Token

__all__ = ["ByUser", "Faithful", "FullDisk", "OfficialColumns", "OwnIds", "Plain"]


class Plain:
    """Keeps tokens in a dictionary by id, and says nothing back."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}

    def save_token(self, token: Token) -> None:
        self.tokens[str(token.id)] = token

    def find_token(self, token: Token) -> Token | None:
        same = (t for t in self.tokens.values() if t.user_name == token.user_name)
        return next(same, None)

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the official SDK's name
        return self.tokens[id]  # raises for an unknown one, as the official ones do

    def delete_token(self, id: str) -> None:  # noqa: A002 - the official SDK's name
        del self.tokens[id]

    def get_tokens(self) -> list[Token]:
        return list(self.tokens.values())

    def delete_tokens(self) -> None:
        self.tokens.clear()


class ByUser(Plain):
    """Keeps one token for each name, whatever the client, and gives no ids."""

    def save_token(self, token: Token) -> None:
        if token.id:
            self.delete_token(token.id)  # it had no name yet
        self.tokens[token.user_name or ""] = token

    def delete_token(self, id: str) -> None:  # noqa: A002 - the official SDK's name
        self.tokens = {name: token for name, token in self.tokens.items() if token.id != id}


class OfficialColumns(Plain):
    """Has a place for the ten fields of Zoho's SDKs only."""

    def save_token(self, token: Token) -> None:
        bare: dict[str, Any] = dict.fromkeys(("created_at", "updated_at", "last_used_at", "org_id"))
        super().save_token(replace(token, scopes=(), version=0, **bare))


class OwnIds(Plain):
    """Inserts what has no id, and updates what has one, as over a database's own counter."""

    def __init__(self) -> None:
        super().__init__()
        self._count = itertools.count(1)

    def save_token(self, token: Token) -> None:
        if token.id is None:
            token = replace(token, id=f"own-{next(self._count)}")
            self.tokens[str(token.id)] = token
        elif token.id in self.tokens:
            self.tokens[token.id] = token


class Faithful(Plain):
    """Keeps every promise that six methods can."""

    def find_token(self, token: Token) -> Token | None:
        return find_among(self.get_tokens(), token)


class FullDisk(Plain):
    """Saves nothing for as long as it is ``full``."""

    full = True

    def save_token(self, token: Token) -> None:
        if self.full:
            raise OSError("no space left on device")
        super().save_token(token)
