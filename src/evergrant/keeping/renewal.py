"""Renews an access token once, however many threads and processes ask for it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from evergrant.accounts import Accounts
from evergrant.attempts import ATTEMPTS, around_each_request
from evergrant.clock import Clock
from evergrant.errors import (
    ConfigError,
    EvergrantError,
    OAuthError,
    StoreError,
    StoreUnavailable,
    TokenNotFound,
    TokenNotSaved,
)
from evergrant.events import Emit, Refreshed, RefreshFailed
from evergrant.forking import ProcessLock
from evergrant.keeping.budget import Budget, as_error, ends_grant
from evergrant.keeping.ending import GrantEnding
from evergrant.keeping.flight import SingleFlight
from evergrant.keeping.heartbeat import LEASE_TTL, LONGEST, Heartbeat
from evergrant.keeping.need import Need
from evergrant.keeping.patience import Patience
from evergrant.keeping.saver import Saver
from evergrant.keeping.sightings import Sightings
from evergrant.limited_log import LimitedLog
from evergrant.stores.base import TokenStore
from evergrant.stores.lease import Lease
from evergrant.stores.matching import compatible
from evergrant.stores.watch import Watch
from evergrant.token import Token, about

__all__ = ["Renewal"]

_logger = LimitedLog()

LOOK_AGAIN = 0.25
"""Seconds after which a waiter asks for the lease again: its holder may have failed or died."""


class Renewal:
    """One refresh per token at a time: a gate for threads, a lease for processes.

    Args:
        used_at: Tells the time of use, as those who share the store have it.
    """

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        saver: Saver,
        budget: Budget,
        sightings: Sightings,
        emit: Emit,
        clock: Clock,
        used_at: Clock,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._saver = saver
        self._budget = budget
        self._sightings = sightings
        self._emit = emit
        self._clock = clock
        self._used_at = used_at
        self._flights: SingleFlight[Token] = SingleFlight()
        self._heartbeat = Heartbeat()
        self._patience = Patience(clock)
        self._queue = ProcessLock()
        self._ending = GrantEnding(store, clock)

    def renew(self, token: Token, need: Need) -> Token:
        """Return a token that meets the need, in place of this one: from the store, or from Zoho.

        Raises:
            TokenNotFound: It was deleted.
            OAuthError: Zoho did not renew it.
            TokenNotSaved: Zoho renewed it, and the store cannot take it.
        """
        led = False

        def work() -> Token:
            nonlocal led
            led = True
            return self._in_turn(token, need)

        while True:
            renewed = self._flights.do(token.id or "", work)
            # We may have joined a flight that did not know our need.
            if led or need.is_met(renewed, self._clock()):
                return renewed

    def renew_early(self, token: Token, is_due: Callable[[Token], bool], need: Need) -> None:
        """Renew a token that still works, unless somebody else does; an event tells of failure.

        Args:
            is_due: Says whether what is stored by now is worth renewing.
            need: Why it is renewed.
        """
        if self.may_renew_early(token):
            self._flights.do(token.id or "", lambda: self._early(token, is_due, need))

    def note(self, token: Token, change: Callable[[Token], Token | None]) -> None:
        """Note in the store what changes of a token without a refresh, unless another is at it.

        Args:
            change: Returns what to store in the place of what is stored by now; None: nothing.
        """
        # Under the lease: it must not come between another's refresh and the save of that.
        with suppress(StoreError), self._lease(token) as lease:
            if lease and (changed := change(current := self._stored(token))):
                self._store.save_token(changed, expected_version=current.version)

    def dead(self, token: Token) -> OAuthError | None:
        """Return why an access token is of no use, whatever its expiry says; cheap to ask."""
        return self._patience.dead(token)

    def may_renew_early(self, token: Token) -> bool:
        """Say whether a renewal in the background is worth trying now; cheap to ask."""
        return self._patience.is_over(token)

    def _early(self, token: Token, is_due: Callable[[Token], bool], need: Need) -> Token:
        renewed = token
        try:
            with self._lease(token) as lease:
                if lease:  # else somebody renews it already
                    renewed = self._refreshed_early(lease, token, is_due, need)
        except (OAuthError, TokenNotSaved, TokenNotFound) as error:
            # Told where it happened; and that somebody deleted it is no failure.
            _logger.info("not renewed in the background: %s", error)
        except EvergrantError as error:
            self._tell_failed(token, error)
        if renewed.access_token == token.access_token:
            self._patience.pause(token)
        return renewed

    def _refreshed_early(
        self, lease: Lease, token: Token, is_due: Callable[[Token], bool], need: Need
    ) -> Token:
        current = self._read(token)
        if not is_due(current):
            return current
        if failed := self._budget.recent_failure(current):
            raise self._patience.note(current, failed)
        # Once: nobody waits, and a server in trouble has enough to do.
        return self._refresh(lease, current, need, attempts=1)

    def _in_turn(self, token: Token, need: Need) -> Token:
        refusal = self._patience.refusal(token)
        if refusal:
            if self._ending.is_due(token) and ends_grant(refusal, token):
                newer = self._ending.end(token)  # the store may not have taken it the first time
                if newer and need.is_met(newer, self._clock()):
                    return newer
            return self._make_do(token, need, refusal)
        with self._store.watch(token.id or "") as watch:
            lease, waited, before = self._lease(token), False, None
            give_up = time.monotonic() + LONGEST
            while not lease and time.monotonic() < give_up:
                if not waited:
                    waited, before = True, self._budget.look(token).failure
                renewed = self._awaited(watch, token, need)
                if renewed:
                    return renewed
                with self._queue.here():
                    lease = self._lease(token)
            with lease:
                # Read after the lease is ours: whoever held it may have renewed the token.
                current = self._read(token)
                if need.is_met(current, self._clock()):
                    return current
                if refused := self._budget.refusal(current):
                    raise self._patience.note(current, *refused)
                failed = (ledger := self._budget.look(current)).failure if waited else None
                if failed and failed != before and not failed.passes:
                    # The holder's answer is ours: all who waited must not ask in turns.
                    error = self._patience.note(current, as_error(ledger, current))
                    return self._make_do(current, need, error)
                # Where only a network in between answered the holder, once: it may be ours, too.
                is_again = failed is not None and failed != before
                return self._refresh(lease, current, need, attempts=1 if is_again else ATTEMPTS)

    def _awaited(self, watch: Watch, token: Token, need: Need) -> Token | None:
        """Return what the holder of the lease has saved, once there is that; None for now."""
        until = time.monotonic() + LOOK_AGAIN
        while (left := until - time.monotonic()) > 0:
            watch.wait(left)
            # One at a time: those who wait must not keep the store from those who are at it.
            with self._queue.here():
                current = self._read(token)
            if need.is_met(current, self._clock()):
                return current
        return None

    def _lease(self, token: Token) -> Lease:
        try:
            return self._store.lease(token.id or "", LEASE_TTL)
        except StoreUnavailable:
            # A lease is only a hint: a store that can be read but not written, such as one on a
            # full disk, must not keep its users from their tokens.
            return Lease.of_nobody()

    def _read(self, token: Token) -> Token:
        return self._sightings.seen(self._stored(token))

    def _stored(self, token: Token) -> Token:
        self._saver.take_aboard()
        current = self._saver.adrift(token) or self._store.find_token_by_id(token.id or "")
        # A row of that id may be another user's by now: the ids that callers choose come again.
        if current is None or not compatible(current, token):
            raise self._gone(token)
        return current

    def _gone(self, token: Token) -> TokenNotFound:
        if self._store.was_deleted(token):
            return TokenNotFound("the token was deleted", token_id=token.id, user=token.user_name)
        return TokenNotFound(
            "the token is not in the store any more, and nobody has deleted it there",
            token_id=token.id,
            user=token.user_name,
            hint="If the store was lost, restore a backup; else log the user in again.",
        )

    def _refresh(self, lease: Lease, current: Token, need: Need, attempts: int = ATTEMPTS) -> Token:
        counted, began = partial(self._budget.request, current), time.monotonic()
        cause = need.cause(current, self._clock())
        try:
            self._accounts.prepare()  # first: a request that cannot be sent is not counted
            with self._heartbeat.beating(lease):
                with around_each_request(counted, attempts):
                    granted = self._accounts.refresh(current)
                if need.is_use:
                    granted = replace(granted, last_used_at=self._used_at())
                return self._save(granted, current, began, cause)
        except ConfigError as misset:
            error: EvergrantError = misset
            newer = None
        except OAuthError as refused:
            error = self._patience.note(current, refused)
            newer = self._ending.end(current) if ends_grant(refused, current) else None
        self._tell_failed(current, error, took=time.monotonic() - began)
        if newer and need.is_met(newer, self._clock()):
            return newer
        return self._make_do(current, need, error)

    def _tell_failed(self, token: Token, error: EvergrantError, took: float | None = None) -> None:
        told = copy.copy(error)  # without the traceback, which keeps all its frames alive
        self._emit(RefreshFailed(at=self._clock(), error=told, took=took, **about(token)))

    def _make_do(self, current: Token, need: Need, error: EvergrantError) -> Token:
        passes = error.retryable or isinstance(error, ConfigError)
        if passes and need.is_barely_met(current, self._clock()):
            return current
        raise error

    def _save(self, granted: Token, current: Token, began: float, cause: str) -> Token:
        read = self._sightings.as_stored(current)
        granted = replace(granted, updated_at=read.updated_at)
        saved = self._sightings.own(self._saver.save_renewal(granted, read))
        took = time.monotonic() - began
        self._emit(
            Refreshed(
                at=self._clock(),
                expires_at=saved.expires_at,
                took=took,
                cause=cause,
                **about(saved),
            )
        )
        return saved
