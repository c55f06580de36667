"""Ends grants: at Zoho and in the store, and nothing that took their place in between."""

from __future__ import annotations

from contextlib import suppress

from evergrant._core.rate_limiter import RateLimiter
from evergrant._core.saver import Saver
from evergrant._masking import masks_methods
from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.errors import Conflict, TokenNotFound
from evergrant.events import Forgotten, Listener, Revoked
from evergrant.stores.base import SAVE_ATTEMPTS, TokenStore
from evergrant.token import Token, identify

__all__ = ["Revocation", "delete_grant"]


@masks_methods
class Revocation:
    """Revokes grants at Zoho, and deletes their rows; a later login of the same user stays."""

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        saver: Saver,
        rate_limiter: RateLimiter,
        emit: Listener,
        clock: Clock,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._saver = saver
        self._rate_limiter = rate_limiter
        self._emit = emit
        self._clock = clock

    def revoke(self, token: Token) -> bool:
        """Revoke a grant at Zoho, then delete it from the store; return whether it was alive.

        Raises:
            OAuthError: Zoho could not be told; the token stays in the store.
        """
        alive = self._accounts.revoke(token)
        self._rate_limiter.remove_grant(token)
        with suppress(TokenNotFound):  # another caller was faster: it is gone
            delete_grant(token, self._store, self._saver)
        self._emit(Revoked(at=self._clock(), **identify(token)))
        return alive

    def forget(self, token: Token) -> None:
        """Delete a token from the store without telling Zoho.

        Raises:
            TokenNotFound: It is not there.
        """
        delete_grant(token, self._store, self._saver)
        self._emit(Forgotten(at=self._clock(), **identify(token)))


def delete_grant(token: Token, store: TokenStore, saver: Saver) -> None:
    """Delete a token from the store and the lifeboat, unless its user has logged in again.

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
        is_other_hour = not token.refresh_token and stored.access_token != token.access_token
        if is_other_hour or stored.refresh_token != token.refresh_token:
            return  # the user has logged in again since: that grant is another
        saver.discard(token)
        with suppress(TokenNotFound):  # by its version: a login may end at this very moment
            store.delete_token(id_, expected_version=stored.version)
            return
    raise Conflict("the token kept changing while it was deleted", token_id=id_)
