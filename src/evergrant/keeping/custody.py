"""Tokens in our care, whoever names them: usable, renewed, taken in, given up."""

from __future__ import annotations

from pathlib import Path

from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.config import config_folder
from evergrant.events import Emit, Forgotten, LoggedIn, Revoked, emitter
from evergrant.keeping.admission import admit, admit_unasked
from evergrant.keeping.lifeboat import Lifeboat
from evergrant.keeping.renewal import Renewal, is_usable
from evergrant.keeping.saver import Saver
from evergrant.stores.base import TokenStore
from evergrant.token import Token, about

__all__ = ["Custody"]


class Custody:
    """What a Keeper, and the bridge to Zoho's SDK, do with a token once it is found.

    Args:
        store: Where tokens are kept; the caller closes it.
        accounts: Zoho's accounts servers; the caller closes it.
        clock: Tells the time; by default that of ``accounts``.
        on_event: Is told each `evergrant.events.Event`.
        lifeboat: Folder for tokens that the store could not take; by default that of the
            configuration.
    """

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        *,
        clock: Clock | None = None,
        on_event: Emit | None = None,
        lifeboat: Path | None = None,
    ) -> None:
        self.store = store
        self.accounts = accounts
        self.clock = clock or accounts.clock
        self.emit = emitter(on_event)
        boat = Lifeboat(lifeboat or config_folder(), store.url)
        self._saver = Saver(store, boat, self.emit, self.clock)
        self._renewal = Renewal(store, accounts, self._saver, self.emit, self.clock)
        self.take_aboard()

    def take_aboard(self) -> None:
        """Bring what waits in the lifeboat into the store, as far as it takes it."""
        self._saver.take_aboard()

    def newest(self, stored: Token) -> Token:
        """Return what was granted for a stored token: it may wait in the lifeboat still."""
        return self._saver.adrift(stored) or stored

    def is_usable(self, token: Token) -> bool:
        """Say whether the access token may be handed out now."""
        return is_usable(token, self.clock())

    def usable(self, stored: Token) -> Token:
        """Return a stored token with an access token that works now, renewed where needed.

        Raises:
            TokenNotFound: It was deleted.
            OAuthError: Zoho did not renew it.
            TokenNotSaved: It was renewed, and the store cannot take it.
        """
        token = self.newest(stored)
        return token if self.is_usable(token) else self._renewal.renew(token)

    def renewed(self, rejected: Token) -> Token:
        """Return a token in place of one that the API rejected; raises as `usable`."""
        return self._renewal.renew(rejected, rejected=True)

    def keep(self, token: Token) -> Token:
        """Save what somebody else obtained, come what may; return it as stored.

        Raises:
            TokenNotSaved: The store cannot take it; the lifeboat holds it.
        """
        return self._saver.save(token)

    def admit(self, granted: Token, *, expected: str | None) -> Token:
        """Take in a new grant under its owner's name; see `evergrant.keeping.admission.admit`."""
        return self._announced(admit(granted, self.accounts, self._saver, expected=expected))

    def admit_unasked(self, granted: Token, *, find_user: bool) -> Token:
        """Take in a new grant under the name it carries; see `admission.admit_unasked`."""
        saved = admit_unasked(granted, self.accounts, self._saver, find_user=find_user)
        return self._announced(saved)

    def _announced(self, token: Token) -> Token:
        where = self.accounts.data_center_of(token)
        self.emit(
            LoggedIn(at=self.clock(), data_center=where.code, scopes=token.scopes, **about(token))
        )
        return token

    def revoke(self, token: Token) -> bool:
        """Revoke a grant at Zoho, then delete it from the store; return whether it was alive.

        Raises:
            OAuthError: Zoho could not be told; the token stays in the store.
        """
        alive = self.accounts.revoke(token)
        self._delete(token)
        self.emit(Revoked(at=self.clock(), **about(token)))
        return alive

    def forget(self, token: Token) -> None:
        """Delete a token from the store without telling Zoho."""
        self._delete(token)
        self.emit(Forgotten(at=self.clock(), **about(token)))

    def _delete(self, token: Token) -> None:
        id_ = token.id or ""
        stored = self.store.find_token_by_id(id_)
        if stored and stored.refresh_token != token.refresh_token:
            return  # the user has logged in anew meanwhile: that grant is another
        self._saver.drop(id_)
        self.store.delete_token(id_)
