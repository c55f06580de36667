"""The SDK bridge: takes what the official SDK knows of a token, and returns one that works.

Nothing here imports the SDK: `store_v5`, `store_v2` and `oauth_token` do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from evergrant._concurrency.single_flight import SingleFlight
from evergrant._core.manager import TokenManager
from evergrant._core.validity import ValidToken, is_usable
from evergrant._fork import ProcessLock
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._oauth.client import Client
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.transport import HttpxTransport
from evergrant.accounts import Accounts
from evergrant.clock import Clock, utc_now
from evergrant.datacenter import ZOHO, DataCenter, DataCenters
from evergrant.errors import CodeSpent, LoginRequired, NoRefreshToken, OAuthError, TokenNotFound
from evergrant.events import Listener
from evergrant.policy import NO_POLICY, Policy
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from evergrant.zohocrmsdk.lookup import Lookup
from evergrant.zohocrmsdk.sdk_config import UNINITIALIZED, SDKConfig

__all__ = ["SDKBridge", "bridge_of"]

_logger = RateLimitedLog()

SAVING_S = 2.0
"""Seconds that another process may take to save what Zoho answered. (The workers of a server all
begin with the code of its configuration, at the same moment; one of them can exchange it.)"""

POLL_S = 0.05
"""Seconds between two looks."""


class SDKBridge:
    """Finds the token that a partial one means, and refreshes or obtains it if needed.

    Args:
        store: Where tokens are kept.
        data_centers: The hosts that may see a secret, beside the SDK's own environment.
        clock: Tells the time.
        on_event: Is called with each `evergrant.events.Event`.
        lifeboat: Folder for tokens that the store could not take.
        policy: What tokens must keep to.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        data_centers: DataCenters = ZOHO,
        clock: Clock = utc_now,
        on_event: Listener | None = None,
        lifeboat: Path | None = None,
        policy: Policy = NO_POLICY,
    ) -> None:
        self.store = store
        self.data_centers = data_centers
        self._clock = clock
        self._on_event = on_event
        self._lifeboat = lifeboat
        self._policy = policy
        self.lookup = Lookup(store, clock)
        self._logins: SingleFlight[Token] = SingleFlight()
        self._lock = ProcessLock()
        self._first: TokenManager | None = None
        self._managers: dict[SDKConfig, TokenManager] = {}
        self._transports: list[HttpxTransport] = []

    def cached(self, id_: str | None, user_name: str | None, client_id: str | None) -> Token | None:
        """Return what `resolve` last returned for this, if it still works and nothing changed.

        None means only that nothing is cached. (Most calls of an SDK ask what the last one asked.)
        """
        return self._first.peek((id_, user_name, client_id)) if self._first else None

    def resolve(self, asked: Token, config: SDKConfig, *, find_user: bool = True) -> Token | None:
        """Return the token that a partial one means, valid now, or None if it means no user.

        A grant that the store does not know yet is enrolled: its code is exchanged, or its refresh
        token used, once for all threads, and the result saved before anything else.

        Args:
            find_user: Ask Zoho whose a new grant is, if it carries no name.

        Raises:
            EvergrantError: There is such a token, and none that works can be had.
        """
        found = self._manager(config).read_through(
            (asked.id, asked.user_name, asked.client_id),
            partial(self._resolve, asked, config, find_user=find_user),
            # What a grant led to does not answer the next question, which may bring another grant.
            only_id=None if asked.user_name else asked.id or "",
        )
        return found.token if found else None

    def _resolve(self, asked: Token, config: SDKConfig, *, find_user: bool) -> ValidToken | None:
        manager = self._manager(config)
        has_pending = manager.restore_pending()
        stored = self.lookup.find(asked)
        if stored is None:
            return self._log_in(asked, config, find_user=find_user)
        if not is_usable(stored, self._clock()):
            config.require_initialized()
            stored = self._with_current_secret(stored, asked)
        try:
            return manager.upkeep.ensure_valid(
                manager.upkeep.with_pending(stored, has_pending=has_pending)
            )
        except (LoginRequired, NoRefreshToken):
            # The program brings another grant: the user has logged in again.
            if not _is_another_grant(asked, stored):
                raise
            return self._log_in(replace(asked, access_token=None), config, find_user=find_user)

    def replace_rejected(self, rejected: Token, config: SDKConfig) -> Token:
        """Return a token in place of one that the API rejected before its time."""
        with self._clearing_cache():
            return self._manager(config).upkeep.replace_rejected(rejected)

    def save(self, token: Token, config: SDKConfig) -> Token:
        """Save what the SDK or the program obtained; return it as stored."""
        with self._clearing_cache():
            return self._manager(config).save(token)

    def revoke(self, id_: str, config: SDKConfig) -> bool:
        """Revoke a token at Zoho and delete it; return False if it is missing or was dead."""
        stored = self.store.find_token_by_id(id_)
        with self._clearing_cache():
            return stored is not None and self._manager(config).revocation.revoke(stored)

    def delete(self, id_: str) -> None:
        """Delete a token from the store without telling Zoho; an unknown id is an error."""
        with self._clearing_cache():
            self.store.delete_token(id_)

    def delete_all(self) -> None:
        """Delete all tokens of the store."""
        with self._clearing_cache():
            self.store.delete_tokens()

    @contextmanager
    def _clearing_cache(self) -> Iterator[None]:
        # Not every store can tell that it was changed, but our own changes we know.
        try:
            yield
        finally:
            if self._first:
                self._first.clear_cache()

    def routed(self, token: Token, config: SDKConfig) -> Token:
        """Return a token with the API domain that the SDK is to use it at.

        Raises:
            ConfigError: It lives where there is no such environment as the SDK is initialised for.
        """
        domain = config.api_domain(token.api_domain, self.data_centers)
        same = domain is None or domain == token.api_domain
        return token if same else replace(token, api_domain=domain)

    def data_center_of(self, token: Token, config: SDKConfig) -> DataCenter:
        """Return where a token lives.

        Raises:
            UntrustedServer: Its API domain is not one of Zoho's.
        """
        return self._manager(config).accounts.data_center_of(token)

    def close(self) -> None:
        """End what runs in the background and the connections to Zoho; the store stays open."""
        for manager in list(self._managers.values()):
            manager.close()
        for transport in list(self._transports):
            transport.close()

    def _with_current_secret(self, stored: Token, asked: Token) -> Token:
        """Return a stored token with the client secret of the program, which is newer."""
        secret = asked.client_secret
        if not secret or secret == stored.client_secret or asked.client_id != stored.client_id:
            return stored
        return self.store.save_token(replace(stored, client_secret=secret))

    def _log_in(self, asked: Token, config: SDKConfig, *, find_user: bool) -> ValidToken | None:
        code = asked.grant_token if not asked.refresh_token else None
        grant = code or asked.refresh_token if asked.client_id and asked.client_secret else None
        secret = grant or asked.access_token
        if not secret or asked.expires_at:
            return None  # with an expiry it was one of ours, and was deleted since
        if not asked.access_token:
            config.require_initialized()
        find_user = find_user and config != UNINITIALIZED  # Zoho cannot be asked whose it is
        work = partial(self._enroll, asked, config, find_user=find_user)
        return ValidToken.of(self._logins.do(sha256(str.encode(secret)).hexdigest(), work))

    def _enroll(self, asked: Token, config: SDKConfig, *, find_user: bool) -> Token:
        manager, granted = self._manager(config), asked
        if not (asked.access_token or asked.refresh_token):
            try:
                granted = self._exchange(asked, manager)
            except CodeSpent:
                if stored := self._wait_for_other_process(asked, manager):
                    return manager.upkeep.ensure_row_valid(stored)
                raise
        elif not asked.access_token:
            granted = self._first_refresh(asked, manager)
        # From here on its API, which also tells whose it is, is the one the program asked for.
        saved = manager.enrollment.enroll_as_is(self.routed(granted, config), find_user=find_user)
        if asked.id and saved.id != asked.id:
            _logger.warning(
                "the id %s is not kept: user %s has a token already, with the id %s",
                asked.id, saved.user_name, saved.id,
            )  # fmt: skip
        return saved

    def _wait_for_other_process(self, asked: Token, manager: TokenManager) -> Token | None:
        """Return what another process got for the same code; it may still be about to save it."""
        until = time.monotonic() + SAVING_S
        while not (stored := self.store.find_token(replace(asked, user_name=None))):
            if time.monotonic() > until and not manager.codes.is_in_progress(
                asked.grant_token or ""
            ):
                return None
            time.sleep(POLL_S)
        return stored

    def _exchange(self, asked: Token, manager: TokenManager) -> Token:
        granted = manager.codes.exchange(
            manager.accounts,
            asked.grant_token or "",
            redirect_url=asked.redirect_url or None,
            client=Client(asked.client_id or "", asked.client_secret, asked.redirect_url),
        )
        return replace(granted, id=asked.id, user_name=asked.user_name)

    def _first_refresh(self, asked: Token, manager: TokenManager) -> Token:
        # Stored first: from then on one refresh is enough for all processes with this grant.
        row = self.store.save_token(asked)
        try:
            return manager.upkeep.ensure_row_valid(row)
        except OAuthError as error:
            made = row.updated_at and row.created_at == row.updated_at
            if not error.retryable and made and row.id:
                with suppress(TokenNotFound):  # another process has saved since
                    self.store.delete_token(row.id, expected_version=row.version)
            raise

    def _manager(self, config: SDKConfig) -> TokenManager:
        # One for all clients: what one caller learns, such as a throttle, all must know.
        manager = self._managers.get(config)
        return manager or self._managers.setdefault(config, self._new_manager(config))

    def _new_manager(self, config: SDKConfig) -> TokenManager:
        known, home = config.data_centers(self.data_centers)
        transport = HttpxTransport(config.timeout, proxy=config.proxy)
        self._transports.append(transport)

        def send(request: HttpRequest) -> HttpResponse:
            config.require_initialized()
            return transport(request)

        accounts = Accounts(data_center=home.code, data_centers=known, send=send, clock=self._clock)
        with self._lock.get():
            if self._first is not None:
                return self._first.for_accounts(accounts)
            self._first = TokenManager(
                self.store,
                accounts,
                on_event=self._on_event,
                lifeboat=self._lifeboat,
                policy=self._policy,
            )
            return self._first


def bridge_of(initializer: object) -> SDKBridge | None:
    """Return the bridge of an SDK's store, or None if the store is not one of ours."""
    bridge = getattr(getattr(initializer, "store", None), "bridge", None)
    return bridge if isinstance(bridge, SDKBridge) else None


def _is_another_grant(asked: Token, stored: Token) -> bool:
    brought = (asked.refresh_token, asked.grant_token)
    return any(
        grant and grant not in (stored.refresh_token, stored.grant_token) for grant in brought
    )
