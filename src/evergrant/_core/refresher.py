"""Refreshes an access token once, however many threads and processes ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from evergrant._concurrency.single_flight import AskedForItselfError, SingleFlight
from evergrant._core.backoff import Backoff
from evergrant._core.dead_grant_marker import DeadGrantMarker
from evergrant._core.lease_heartbeat import LEASE_TTL_S, MAX_REFRESH_TIME_S, LeaseHeartbeat
from evergrant._core.observed_saves import ObservedSaves
from evergrant._core.rate_limiter import RateLimiter, ends_grant, error_from_state
from evergrant._core.requirement import Requirement
from evergrant._core.saver import Saver
from evergrant._fork import ProcessLock
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import copy_error, raise_without_context
from evergrant._oauth.retry import ATTEMPTS
from evergrant.accounts import Accounts
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
from evergrant.events import Listener, Refreshed, RefreshFailed
from evergrant.stores.base import TokenStore
from evergrant.stores.leases import Lease, Watch
from evergrant.stores.matching import compatible
from evergrant.token import Token, identify

__all__ = ["Refresher"]

_logger = RateLimitedLog()

RETRY_LEASE_S = 0.25
"""Seconds after which a waiter asks for the lease again: its holder may have failed or died."""


class Refresher:
    """One refresh per token at a time: a gate for threads, a lease for processes.

    Args:
        used_at: Returns the present time by the clock that counts for use.
    """

    def __init__(
        self,
        store: TokenStore,
        accounts: Accounts,
        saver: Saver,
        rate_limiter: RateLimiter,
        observed_saves: ObservedSaves,
        emit: Listener,
        backoff: Backoff,
        clock: Clock,
        used_at: Clock,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._saver = saver
        self._rate_limiter = rate_limiter
        self._observed_saves = observed_saves
        self._emit = emit
        self._clock = clock
        self._used_at = used_at
        self._refreshes: SingleFlight[Token] = SingleFlight()
        self._heartbeat = LeaseHeartbeat()
        self._backoff = backoff
        self._queue = ProcessLock()
        self._dead_grant_marker = DeadGrantMarker(store, clock)

    def refresh(self, token: Token, requirement: Requirement) -> Token:
        """Return a token that satisfies the requirement, from the store or from Zoho.

        Raises:
            TokenNotFound: It was deleted.
            OAuthError: Zoho did not refresh it.
            TokenNotSaved: Zoho refreshed it, and the store cannot take it.
        """
        led = False

        def work() -> Token:
            nonlocal led
            led = True
            return self._with_lease(token, requirement)

        while True:
            try:
                refreshed = self._refreshes.do(token.id or "", work)
            except AskedForItselfError:
                raise_without_context(
                    RuntimeError(
                        "a refresh asked for itself: an event listener must not ask a Keeper "
                        "for the token that it is being told about"
                    )
                )
            # We may have joined a refresh that did not know our requirement.
            if led or requirement.is_satisfied_by(refreshed, self._clock()):
                return refreshed

    def refresh_ahead(
        self, token: Token, is_due: Callable[[Token], bool], requirement: Requirement
    ) -> None:
        """Refresh a token that is still valid.

        Does nothing if another process holds the lease. Failures are reported as `RefreshFailed`.

        Args:
            is_due: Returns True if the stored token is still worth refreshing.
            requirement: Why it is refreshed.
        """
        if self.can_refresh_ahead(token):
            self._refreshes.do(token.id or "", lambda: self._ahead(token, is_due, requirement))

    def record_use(self, token: Token, change: Callable[[Token], Token | None]) -> None:
        """Store a change of a token that is no refresh, unless another process holds the lease.

        Args:
            change: Takes the stored token; returns what to store in its place, or None.
        """
        # Under the lease: it must not come between a refresh and the save of its result.
        with suppress(StoreError), self._lease(token) as lease:
            if lease and (changed := change(current := self._stored(token))):
                self._store.save_token(changed, expected_version=current.version)

    def can_refresh_ahead(self, token: Token) -> bool:
        """Return True if a refresh in the background is worth trying now; cheap to ask."""
        return self._backoff.has_elapsed(token)

    def _ahead(
        self, token: Token, is_due: Callable[[Token], bool], requirement: Requirement
    ) -> Token:
        refreshed = token
        try:
            with self._lease(token) as lease:
                if lease:  # else it is being refreshed already
                    refreshed = self._refreshed_ahead(lease, token, is_due, requirement)
        except (OAuthError, TokenNotSaved, TokenNotFound) as error:
            # Reported where it happened; and a deletion is no failure.
            _logger.info("not refreshed in the background: %s", error)
        except EvergrantError as error:
            self._tell_failed(token, error)
        if refreshed.access_token == token.access_token:
            self._backoff.delay(token)
        return refreshed

    def _refreshed_ahead(
        self, lease: Lease, token: Token, is_due: Callable[[Token], bool], requirement: Requirement
    ) -> Token:
        current = self._read(token)
        if not is_due(current):
            return current
        if failed := self._rate_limiter.recent_failure(current):
            raise self._backoff.record_failure(current, failed)
        # Once: no caller waits, and a server in trouble has enough to do.
        return self._refresh(lease, current, requirement, attempts=1)

    def _with_lease(self, token: Token, requirement: Requirement) -> Token:
        refusal = self._backoff.active_refusal(token)
        if refusal:
            if self._dead_grant_marker.is_due(token) and ends_grant(refusal, token):
                # Again: the store may not have taken it the first time.
                newer = self._dead_grant_marker.expire(token)
                if newer and requirement.is_satisfied_by(newer, self._clock()):
                    return newer
            return self._fall_back(token, requirement, refusal)
        with self._store.watch(token.id or "") as watch:
            lease, waited, before = self._lease(token), False, None
            give_up = time.monotonic() + MAX_REFRESH_TIME_S
            while not lease and time.monotonic() < give_up:
                if not waited:
                    waited, before = True, self._rate_limiter.state(token).failure
                refreshed = self._wait_for_other(watch, token, requirement)
                if refreshed:
                    return refreshed
                with self._queue.get():
                    lease = self._lease(token)
            with lease:
                # Read after the lease is ours: its last holder may have refreshed the token.
                current = self._read(token)
                if requirement.is_satisfied_by(current, self._clock()):
                    return current
                if refused := self._rate_limiter.refusal(current):
                    raise self._backoff.record_failure(current, *refused)
                failed = (usage := self._rate_limiter.state(current)).failure if waited else None
                if failed and failed != before and not failed.passes:
                    # The holder's answer is ours: the waiters must not all ask, one after another.
                    error = self._backoff.record_failure(current, error_from_state(usage, current))
                    return self._fall_back(current, requirement, error)
                # If only a network in between answered the holder, ask once: it may be ours, too.
                is_again = failed is not None and failed != before
                return self._refresh(
                    lease, current, requirement, attempts=1 if is_again else ATTEMPTS
                )

    def _wait_for_other(self, watch: Watch, token: Token, requirement: Requirement) -> Token | None:
        """Return what the holder of the lease has saved, or None if it has not yet."""
        until = time.monotonic() + RETRY_LEASE_S
        while (left := until - time.monotonic()) > 0:
            watch.wait(left)
            # One at a time: waiters must not keep the store busy for the holder.
            with self._queue.get():
                current = self._read(token)
            if requirement.is_satisfied_by(current, self._clock()):
                return current
        return None

    def _lease(self, token: Token) -> Lease:
        try:
            return self._store.lease(token.id or "", LEASE_TTL_S)
        except StoreUnavailable:
            # A lease is only a hint: a store that can be read but not written, such as one on a
            # full disk, must not keep its users from their tokens.
            return Lease.unshared()

    def _read(self, token: Token) -> Token:
        return self._observed_saves.observe(self._stored(token))

    def _stored(self, token: Token) -> Token:
        waiting = self._saver.pending_for(token) if self._saver.restore_pending() else None
        current = waiting or self._store.find_token_by_id(token.id or "")
        # A row of that id may be another user's now: ids that callers choose are used again.
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

    def _refresh(
        self, lease: Lease, current: Token, requirement: Requirement, attempts: int = ATTEMPTS
    ) -> Token:
        counted, began = partial(self._rate_limiter.reserve, current), time.monotonic()
        cause = requirement.refresh_cause(current, self._clock())
        try:
            self._accounts.prepare()  # first: a request that cannot be sent is not counted
            with self._heartbeat.extending(lease):
                granted = self._accounts.refresh(current, attempts=attempts, scope=counted)
                if requirement.for_use:
                    granted = replace(granted, last_used_at=self._used_at())
                return self._save(granted, current, began, cause)
        except ConfigError as misset:
            error: EvergrantError = misset
            newer = None
        except OAuthError as refused:
            error = self._backoff.record_failure(current, refused)
            newer = (
                self._dead_grant_marker.expire(current) if ends_grant(refused, current) else None
            )
        self._tell_failed(current, error, took=time.monotonic() - began)
        if newer and requirement.is_satisfied_by(newer, self._clock()):
            return newer
        return self._fall_back(current, requirement, error)

    def _tell_failed(self, token: Token, error: EvergrantError, took: float | None = None) -> None:
        told = copy_error(error)
        self._emit(RefreshFailed(at=self._clock(), error=told, took=took, **identify(token)))

    def _fall_back(self, current: Token, requirement: Requirement, error: EvergrantError) -> Token:
        passes = error.retryable or isinstance(error, ConfigError)
        if passes and requirement.is_minimally_satisfied_by(current, self._clock()):
            return current
        raise error

    def _save(self, granted: Token, current: Token, began: float, cause: str) -> Token:
        read = self._observed_saves.as_stored(current)
        granted = replace(granted, updated_at=read.updated_at)
        saved = self._observed_saves.record_own(self._saver.save_refresh(granted, read))
        took = time.monotonic() - began
        self._emit(
            Refreshed(
                at=self._clock(),
                expires_at=saved.expires_at,
                took=took,
                cause=cause,
                **identify(saved),
            )
        )
        return saved
