"""Deletes a grant from its store, and nothing that took its place meanwhile."""

from __future__ import annotations

from contextlib import suppress

from evergrant._core.saver import Saver
from evergrant.errors import Conflict, TokenNotFound
from evergrant.stores.base import SAVE_ATTEMPTS, TokenStore
from evergrant.token import Token

__all__ = ["delete_grant"]


def delete_grant(token: Token, store: TokenStore, saver: Saver) -> None:
    """Delete a token from the store and from the lifeboat, unless its user logs in anew.

    Raises:
        TokenNotFound: It is not there.
        Conflict: It keeps changing.
    """
    id_ = token.id or ""
    for _ in range(SAVE_ATTEMPTS):
        stored = store.find_token_by_id(id_)
        if stored is None:
            saver.discard(token)
            raise TokenNotFound("there is no such token", token_id=id_, user=token.user_name)
        hour = not token.refresh_token and stored.access_token != token.access_token
        if hour or stored.refresh_token != token.refresh_token:
            return  # the user has logged in anew meanwhile: that grant is another
        saver.discard(token)
        with suppress(TokenNotFound):  # by its version: a login may end at this very moment
            store.delete_token(id_, expected_version=stored.version)
            return
    raise Conflict("the token kept changing while it was deleted", token_id=id_)
