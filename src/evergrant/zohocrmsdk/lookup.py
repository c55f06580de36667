"""Finds the stored token that the official SDK asks for."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from evergrant._core.rate_limiter import RateLimiter
from evergrant._core.shared_notes import SharedNotes
from evergrant._core.user_selection import select_user_token
from evergrant.clock import Clock
from evergrant.errors import AmbiguousUser, TokenNotFound
from evergrant.stores.base import TokenStore
from evergrant.stores.matching import compatible
from evergrant.token import Token

__all__ = ["Lookup"]


class Lookup:
    """Finds stored tokens; never refreshes or requests one."""

    def __init__(self, store: TokenStore, clock: Clock) -> None:
        self._store = store
        self._rate_limiter = RateLimiter(SharedNotes(store), clock)

    def find(self, asked: Token) -> Token | None:
        """Return the stored token that matches a partial one, by id first, or None."""
        found = self._store.find_token_by_id(asked.id) if asked.id else None
        if found and compatible(found, asked):
            return found
        found, name = self._store.find_token(asked), asked.user_name or ""
        is_bare = "@" in name and ":" not in name
        if is_bare and (found is None or self._rate_limiter.is_dead(found)):
            with suppress(
                TokenNotFound, AmbiguousUser
            ):  # then it is a new user's, or the one found before
                return self.find_by_name(name, asked.client_id)
        return found

    def find_by_name(self, user: str, client_id: str | None, among: Iterable[Token] = ()) -> Token:
        """Return the stored token of a user; see `select_user_token`.

        Args:
            among: The candidates. Default: all tokens of the user.

        Raises:
            TokenNotFound: The user has no token.
            AmbiguousUser: The name matches several tokens.
        """
        found = list(among) or self._store.find_users(user)
        return select_user_token(found, user, client_id, self._rate_limiter.is_dead)
