"""Tokens in our care, whoever names them: usable, renewed, taken in, given up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.config import config_folder
from evergrant.errors import (
    ConfigError,
    EvergrantError,
    OAuthError,
    PolicyRefused,
    TokenNotFound,
    UntrustedServer,
)
from evergrant.events import Emit, Forgotten, GrantLimitNear, LoggedIn, Revoked, emitter
from evergrant.keeping.admission import admit, admit_unasked
from evergrant.keeping.background import Background
from evergrant.keeping.budget import GRANTS, Budget
from evergrant.keeping.choosing import choose
from evergrant.keeping.codes import Codes
from evergrant.keeping.deletion import delete
from evergrant.keeping.former import Formers
from evergrant.keeping.lifeboat import Lifeboat
from evergrant.keeping.need import Need
from evergrant.keeping.notes import Notes
from evergrant.keeping.policing import Policing, lives_on
from evergrant.keeping.renewable import home_of
from evergrant.keeping.renewal import Renewal
from evergrant.keeping.saver import Saver
from evergrant.keeping.sightings import Sightings
from evergrant.keeping.state import States
from evergrant.keeping.windows import ANY_LIFE, Window, is_stale, is_usable
from evergrant.masking import masks_methods
from evergrant.policy import UNLIMITED, Policy
from evergrant.stores.base import TokenStore
from evergrant.token import Token, about

__all__ = ["Custody", "IsDue"]

GRANTS_LEFT = 2
"""Refresh tokens that a user may still get for a client when a warning is due."""

IsDue = Callable[[Token, datetime], bool]


@masks_methods
class Custody:
    """What a Keeper, and the bridge to Zoho's SDK, do with a token once it is found.

    Args:
        store: Where tokens are kept; the caller closes it.
        accounts: Zoho's accounts servers; the caller closes it.
        clock: Tells the time; by default that of ``accounts``.
        on_event: Is told each `evergrant.events.Event`.
        lifeboat: Folder for tokens that the store could not take; else the configuration's.
        policy: What tokens must keep to.
    """

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        *,
        clock: Clock | None = None,
        on_event: Emit | None = None,
        lifeboat: Path | None = None,
        policy: Policy = UNLIMITED,
    ) -> None:
        self.store = store
        self.accounts = accounts
        self.clock = clock or accounts.clock
        self.emit = emitter(on_event)
        boat, notes = Lifeboat(lifeboat or config_folder(), store.url), Notes(store)
        self._saver = Saver(store, boat, self.emit, self.clock)
        self._budget = Budget(notes, self.clock)
        self.codes = Codes(notes, self.clock)
        self._policing = Policing(policy, store, notes, self.clock)
        self._sightings = Sightings(self.clock, self.emit)
        self._renewal = Renewal(
            store, accounts, self._saver, self._budget, self._sightings, self.emit, self.clock,
            self._policing.now,
        )  # fmt: skip
        self.dead = self._renewal.dead
        self.states = States(self._policing, self.dead, self._saver.adrift)
        self._background = Background()
        self._admission = accounts, self._saver, Formers(store, accounts, self.usable).row_of
        self.take_aboard()

    def take_aboard(self) -> None:
        """Bring what waits in the lifeboat into the store, as far as it takes it."""
        self._saver.take_aboard()

    def find(self, user: str) -> Token:
        """Return the newest token of this user that there is, expired or not.

        Raises:
            TokenNotFound: There is none of this client.
            AmbiguousUser: There are several.
        """
        self.take_aboard()
        ours = self.accounts.client.client_id if self.accounts.client else None
        return self.newest(choose(self.store.find_users(user), user, ours, self._budget.is_dead))

    def in_force(self, user: str) -> Token:
        """Return what `find` does, if the policy lets it be used.

        Raises:
            PolicyRefused: Its time is over.
        """
        return self._policing.checked(self.find(user))

    def newest(self, stored: Token) -> Token:
        """Return what was granted for a stored token: it may wait in the lifeboat still."""
        return self._saver.adrift(stored) or self._sightings.seen(stored)

    def usable(self, stored: Token, min_life: timedelta = ANY_LIFE) -> Token:
        """Return a stored token with an access token that works now, renewed where needed.

        Args:
            min_life: How much life it must have left.

        Raises:
            PolicyRefused: Its time is over.
            TokenNotFound: It was deleted.
            OAuthError: Zoho did not renew it.
            TokenNotSaved: It was renewed, and the store cannot take it.
        """
        token = self._policing.checked(self._dated(self.newest(stored)))
        is_dead = self.dead(token) is not None
        if is_dead or not is_usable(token, self.clock(), min_life):
            rejected = token.access_token if is_dead else None
            return self._renewal.renew(token, Need(other_than=rejected, min_life=min_life))
        self.attend(token)
        return token

    def renewed(self, rejected: Token, *, is_asked: bool = False) -> Token:
        """Return a token in place of one that the API rejected; raises as `usable`.

        Args:
            is_asked: It was not rejected: somebody asked for another one.
        """
        if self._policing.policy != UNLIMITED:
            # By what is stored: a copy may be old, and who renews a token uses it.
            stored = self.store.find_token_by_id(rejected.id or "")
            self._policing.checked(self.newest(stored or rejected))
        need = Need(other_than=rejected.access_token, is_asked=is_asked)
        return self._renewal.renew(rejected, need)

    def _dated(self, token: Token) -> Token:
        """Return a token; the age of one that begins in the future is mended in the store."""
        if self._policing.mended(token):
            self._renewal.note(token, self._policing.mended)
        return token

    def vouched(self, token: Token, url: str) -> Token:
        """Return a token if a request to this URL may carry it; else raise `UntrustedServer`."""
        if not self.accounts.data_center_of(token).owns(url):
            raise UntrustedServer(
                "the request does not go to the token's own data center",
                token_id=token.id,
                user=token.user_name,
                hint=f"Send it to {token.api_domain}.",
            )
        return token

    def window(self, token: Token) -> Window:
        """Return when a token may be handed out, and when `attend` has something to do for it."""
        return self._policing.window(token)

    def attend(self, token: Token) -> None:
        """Do in the background what is due for a token that is handed out."""
        if not self.renew_when_due(token, is_use=True) and self._policing.is_use_due(token):
            work = partial(self._renewal.note, token, self._policing.used)
            self._background.do(token.id or "", work)

    def renew_when_due(
        self, token: Token, is_due: IsDue = is_stale, *, is_use: bool = False
    ) -> bool:
        """Begin to renew a token in the background, if that is due and nobody does it yet.

        Args:
            is_due: Says whether a token is worth renewing at a moment.
            is_use: Somebody uses it; else it is only kept fresh, while the policy lets it.

        Returns:
            Whether it was begun.
        """
        if not is_due(token, self.clock()) or not self._renewal.may_renew_early(token):
            return False
        if self._policing.refusal(self._dated(token)):
            return False

        def still_due(now: Token) -> bool:
            return is_due(now, self.clock())

        work = partial(self._renewal.renew_early, token, still_due, Need(is_use=is_use))
        return self._background.do(token.id or "", work, home_of(token, self.accounts))

    def keep(self, token: Token) -> Token:
        """Save what somebody else obtained, come what may; return it as stored.

        Raises:
            TokenNotSaved: The store cannot take it; the lifeboat holds it.
        """
        return self._saver.save(token)

    def admit(self, granted: Token, *, expected: str | None) -> Token:
        """Take in a new grant under its owner's name; see `evergrant.keeping.admission.admit`."""
        by, is_dead = self._admission, self._budget.is_dead
        return self._announced(admit(self._begun(granted), *by, is_dead, expected=expected))

    def admit_unasked(self, granted: Token, *, find_user: bool) -> Token:
        """Take in a new grant under the name it carries; see `admission.admit_unasked`."""
        begun = self._begun(granted)
        return self._announced(admit_unasked(begun, *self._admission, find_user=find_user))

    def _begun(self, granted: Token) -> Token:
        if objection := self._policing.objection_to_scopes(granted):
            try:
                self.accounts.revoke(granted)  # what its user has already stays as it is
            except EvergrantError as error:
                raise lives_on(objection, granted, self.accounts, error) from error
            raise objection
        return replace(granted, last_used_at=self._policing.now())

    def _announced(self, token: Token) -> Token:
        if objection := self._policing.objection(token):
            raise self._sent_away(token, objection)
        self._policing.note_login(token)
        where = self.accounts.data_center_of(token)
        self.emit(
            LoggedIn(at=self.clock(), data_center=where.code, scopes=token.scopes, **about(token))
        )
        if token.grant_token:
            self.codes.settle(token.grant_token)
        grants = self._budget.add_grant(token) if token.refresh_token else 0
        if grants >= GRANTS - GRANTS_LEFT:
            self.emit(GrantLimitNear(at=self.clock(), count=grants, most=GRANTS, **about(token)))
        return token

    def _sent_away(self, token: Token, objection: PolicyRefused) -> PolicyRefused:
        try:
            self.revoke(token)
        except (OAuthError, ConfigError) as error:
            # It must not stay all the same, for the policy to hold while Zoho does not answer.
            with suppress(TokenNotFound):
                self.forget(token)
            return lives_on(objection, token, self.accounts, error)
        return objection

    def revoke(self, token: Token) -> bool:
        """Revoke a grant at Zoho, then delete it from the store; return whether it was alive.

        Raises:
            OAuthError: Zoho could not be told; the token stays in the store.
        """
        alive = self.accounts.revoke(token)
        self._budget.end_grant(token)
        with suppress(TokenNotFound):  # somebody else was faster: it is gone
            delete(token, self.store, self._saver)
        self.emit(Revoked(at=self.clock(), **about(token)))
        return alive

    def forget(self, token: Token) -> None:
        """Delete a token from the store without telling Zoho."""
        delete(token, self.store, self._saver)
        self.emit(Forgotten(at=self.clock(), **about(token)))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being renewed in the background."""
        return self._background.is_idle

    def close(self) -> None:
        """Wait for what is being renewed in the background, and begin nothing more."""
        self._background.close()
        self.emit.flush()
