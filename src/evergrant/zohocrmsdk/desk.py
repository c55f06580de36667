"""Answers the official SDK: it hands in what it knows of a token, and gets one that works.

Nothing here needs the SDK: `newer`, `older` and `oauth_token` speak to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from evergrant.accounts import Accounts
from evergrant.client import Client
from evergrant.clock import Clock, utc_now
from evergrant.datacenter import ZOHO, DataCenter, DataCenters
from evergrant.errors import CodeSpent, LoginRequired, NoRefreshToken, OAuthError, TokenNotFound
from evergrant.events import Emit, emitter
from evergrant.http import HttpAnswer, HttpCall
from evergrant.keeping.custody import Custody
from evergrant.keeping.flight import SingleFlight
from evergrant.keeping.notes import Notes
from evergrant.keeping.policing import Policing
from evergrant.keeping.serving import Serving
from evergrant.keeping.windows import is_usable
from evergrant.limited_log import LimitedLog
from evergrant.policy import UNLIMITED, Policy
from evergrant.sender import HttpSender
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from evergrant.zohocrmsdk.lookup import Lookup
from evergrant.zohocrmsdk.surroundings import NOWHERE, Surroundings

__all__ = ["Desk", "desk_of"]

_logger = LimitedLog()

SAVING = 2.0
"""Seconds that another process may take to save what Zoho answered. (The workers of a server all
begin with the code of its configuration, at the same moment; one of them gets something for it.)"""

POLL = 0.05
"""Seconds between two looks."""


class Desk:
    """Finds what a partial token means, and renews or obtains it where needed.

    Args:
        store: Where tokens are kept.
        data_centers: The hosts that may see a secret, beside the SDK's own environment.
        clock: Tells the time.
        on_event: Is told each `evergrant.events.Event`.
        lifeboat: Folder for tokens that the store could not take.
        policy: What tokens must keep to.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        data_centers: DataCenters = ZOHO,
        clock: Clock = utc_now,
        on_event: Emit | None = None,
        lifeboat: Path | None = None,
        policy: Policy = UNLIMITED,
    ) -> None:
        self.store = store
        self.data_centers = data_centers
        self._clock = clock
        self._on_event = on_event
        self._lifeboat = lifeboat
        self._policy = policy
        self.lookup = Lookup(store, clock)
        window = Policing(policy, store, Notes(store), clock).window
        self._serving = Serving(store, clock, emitter(on_event), window, self._dead)
        self._logins: SingleFlight[Token] = SingleFlight()
        self._custodies: dict[Surroundings, Custody] = {}
        self._senders: list[HttpSender] = []

    def recent(self, id_: str | None, user_name: str | None, client_id: str | None) -> Token | None:
        """Return what `answer` answered to this before, if it still works and nothing changed.

        None is no answer, only none at hand. (Most calls of an SDK ask what the last one asked.)
        """
        return self._serving.at_hand((id_, user_name, client_id))

    def answer(self, asked: Token, around: Surroundings, *, find_user: bool = True) -> Token | None:
        """Return a token that works for what a partial one means; None if it means nobody.

        A grant that the store does not know yet is taken in: its code exchanged or its refresh
        token used, once for all threads, and saved before anything else.

        Args:
            find_user: Ask Zoho whose a new grant is, if it carries no name.

        Raises:
            EvergrantError: There is such a token, and none that works can be had.
        """
        custody = self._custody(around)
        return self._serving.token(
            (asked.id, asked.user_name, asked.client_id),
            partial(self._answer, asked, around, find_user=find_user),
            elect=custody.attend,
            # What a grant led to says nothing about the next question, whose grant may be another.
            keeps=lambda answer: bool(asked.user_name) or answer.id == asked.id,
        )

    def _answer(self, asked: Token, around: Surroundings, *, find_user: bool) -> Token | None:
        custody = self._custody(around)
        custody.take_aboard()
        stored = self.lookup.find(asked)
        if stored is None:
            return self._log_in(asked, around, find_user=find_user)
        if not is_usable(stored, self._clock()):
            around.refuse_nowhere()
            stored = self._with_todays_secret(stored, asked)
        try:
            return custody.usable(stored)
        except (LoginRequired, NoRefreshToken):
            # The program brings another grant: the user has logged in again.
            if not _brings_another(asked, stored):
                raise
            return self._log_in(replace(asked, access_token=None), around, find_user=find_user)

    def renewed(self, rejected: Token, around: Surroundings) -> Token:
        """Return a token in place of one that the API rejected before its time."""
        with self._forgetting():
            return self._custody(around).renewed(rejected)

    def save(self, token: Token, around: Surroundings) -> Token:
        """Save what the SDK or the program obtained, come what may; return it as stored."""
        with self._forgetting():
            return self._custody(around).keep(token)

    def revoke(self, id_: str, around: Surroundings) -> bool:
        """Revoke a token at Zoho and delete it; False where there is none, or it was dead."""
        stored = self.store.find_token_by_id(id_)
        with self._forgetting():
            return stored is not None and self._custody(around).revoke(stored)

    def delete(self, id_: str) -> None:
        """Delete a token from the store without telling Zoho; an unknown id is an error."""
        with self._forgetting():
            self.store.delete_token(id_)

    def delete_all(self) -> None:
        """Delete all tokens of the store."""
        with self._forgetting():
            self.store.delete_tokens()

    def _dead(self, token: Token) -> OAuthError | None:
        found = (custody.dead(token) for custody in list(self._custodies.values()))
        return next(filter(None, found), None)

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        # Not every store can tell that it was changed: what we change, we know.
        try:
            yield
        finally:
            self._serving.clear()

    def led(self, token: Token, around: Surroundings) -> Token:
        """Return a token with the API domain that the SDK is to use it at.

        Raises:
            ConfigError: It lives where there is no such environment as the SDK is initialised for.
        """
        domain = around.api_domain(token.api_domain, self.data_centers)
        same = domain is None or domain == token.api_domain
        return token if same else replace(token, api_domain=domain)

    def data_center_of(self, token: Token, around: Surroundings) -> DataCenter:
        """Return where a token lives.

        Raises:
            UntrustedServer: Its API domain is not one of Zoho's.
        """
        return self._custody(around).accounts.data_center_of(token)

    def close(self) -> None:
        """End what runs in the background and the connections to Zoho; the store stays open."""
        for custody in list(self._custodies.values()):
            custody.close()
        for sender in list(self._senders):
            sender.close()

    def _with_todays_secret(self, stored: Token, asked: Token) -> Token:
        """Return a stored token with the client secret that the program has: it is the newer."""
        secret = asked.client_secret
        if not secret or secret == stored.client_secret or asked.client_id != stored.client_id:
            return stored
        return self.store.save_token(replace(stored, client_secret=secret))

    def _log_in(self, asked: Token, around: Surroundings, *, find_user: bool) -> Token | None:
        code = asked.grant_token if not asked.refresh_token else None
        grant = code or asked.refresh_token if asked.client_id and asked.client_secret else None
        secret = grant or asked.access_token
        if not secret or asked.expires_at:
            return None  # with an expiry it was one of ours, and was deleted since
        if not asked.access_token:
            around.refuse_nowhere()
        find_user = find_user and around != NOWHERE  # nobody can be asked whose it is
        work = partial(self._admit, asked, around, find_user=find_user)
        return self._logins.do(sha256(str.encode(secret)).hexdigest(), work)

    def _admit(self, asked: Token, around: Surroundings, *, find_user: bool) -> Token:
        custody, granted = self._custody(around), asked
        if not (asked.access_token or asked.refresh_token):
            try:
                granted = self._exchange(asked, custody)
            except CodeSpent:
                if stored := self._taken_in_elsewhere(asked, custody):
                    return custody.usable(stored)
                raise
        elif not asked.access_token:
            granted = self._first_use(asked, custody)
        # From here on its API, which says whose it is, too, is where the program asked for it.
        saved = custody.admit_unasked(self.led(granted, around), find_user=find_user)
        if asked.id and saved.id != asked.id:
            _logger.warning(
                "the id %s is not kept: user %s has a token already, with the id %s",
                asked.id, saved.user_name, saved.id,
            )  # fmt: skip
        return saved

    def _taken_in_elsewhere(self, asked: Token, custody: Custody) -> Token | None:
        """Return what another process got for the same code; it may only be about to save that."""
        until = time.monotonic() + SAVING
        while not (stored := self.store.find_token(replace(asked, user_name=None))):
            if time.monotonic() > until and not custody.codes.is_under_way(asked.grant_token or ""):
                return None
            time.sleep(POLL)
        return stored

    def _exchange(self, asked: Token, custody: Custody) -> Token:
        granted = custody.codes.exchange(
            custody.accounts,
            asked.grant_token or "",
            redirect_url=asked.redirect_url or None,
            client=Client(asked.client_id or "", asked.client_secret, asked.redirect_url),
        )
        return replace(granted, id=asked.id, user_name=asked.user_name)

    def _first_use(self, asked: Token, custody: Custody) -> Token:
        # Stored first: from then on one refresh is enough, whoever else begins with this grant.
        row = self.store.save_token(asked)
        try:
            return custody.usable(row)
        except OAuthError as error:
            made = row.updated_at and row.created_at == row.updated_at
            if not error.retryable and made and row.id:
                with suppress(TokenNotFound):  # somebody has saved since
                    self.store.delete_token(row.id, expected_version=row.version)
            raise

    def _custody(self, around: Surroundings) -> Custody:
        # One for all clients: what one caller learns, such as a throttle, the others must know.
        custody = self._custodies.get(around)
        return custody or self._custodies.setdefault(around, self._new_custody(around))

    def _new_custody(self, around: Surroundings) -> Custody:
        known, home = around.data_centers(self.data_centers)
        sender = HttpSender(around.timeout, proxy=around.proxy)
        self._senders.append(sender)

        def send(call: HttpCall) -> HttpAnswer:
            around.refuse_nowhere()
            return sender(call)

        accounts = Accounts(data_center=home.code, data_centers=known, send=send, clock=self._clock)
        return Custody(
            self.store,
            accounts,
            on_event=self._on_event,
            lifeboat=self._lifeboat,
            policy=self._policy,
        )


def desk_of(initializer: object) -> Desk | None:
    """Return who answers for an SDK; None where its store is none of ours."""
    desk = getattr(getattr(initializer, "store", None), "desk", None)
    return desk if isinstance(desk, Desk) else None


def _brings_another(asked: Token, stored: Token) -> bool:
    brought = (asked.refresh_token, asked.grant_token)
    return any(
        grant and grant not in (stored.refresh_token, stored.grant_token) for grant in brought
    )
