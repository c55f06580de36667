"""The token manager: finds, refreshes, enrolls and revokes tokens, with a cache in front.

The Keeper and the SDK bridge both work with one of these.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Self

from evergrant._core.backoff import Backoff
from evergrant._core.cached_lookup import CachedLookup, Found
from evergrant._core.code_registry import CodeRegistry
from evergrant._core.enrollment import Enrollment
from evergrant._core.former_rows import FormerRows
from evergrant._core.grant_state import GrantStates
from evergrant._core.observed_saves import ObservedSaves
from evergrant._core.policy_enforcer import PolicyEnforcer
from evergrant._core.rate_limiter import RateLimiter
from evergrant._core.refreshable import data_center_code
from evergrant._core.refresher import Refresher
from evergrant._core.revocation import Revocation
from evergrant._core.saver import Saver
from evergrant._core.shared_notes import SharedNotes
from evergrant._core.unclear_refusals import UnclearRefusals
from evergrant._core.upkeep import TokenUpkeep
from evergrant._core.user_selection import select_user_token
from evergrant._core.validity import NO_MINIMUM, ValidToken, validate_min_ttl
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._masking import masks_methods, unmasked
from evergrant._user_names import fold_name
from evergrant.accounts import Accounts
from evergrant.clock import Clock
from evergrant.config import config_folder
from evergrant.errors import EvergrantError, TokenNotFound, UntrustedServer
from evergrant.events import Listener, safe_listener
from evergrant.policy import NO_POLICY, Policy
from evergrant.services import Service
from evergrant.services.target import CRM, Target
from evergrant.stores.base import TokenStore
from evergrant.token import Token, User

__all__ = ["TokenManager"]


@masks_methods
class TokenManager:
    """All that is done with the tokens of one store and one client.

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
        on_event: Listener | None = None,
        lifeboat: Path | None = None,
        policy: Policy = NO_POLICY,
    ) -> None:
        self.store = store
        self.clock = clock or accounts.clock
        self.emit = safe_listener(on_event)
        notes, outbox = SharedNotes(store), Lifeboat(lifeboat or config_folder(), store.url)
        self._saver = Saver(store, outbox, self.emit, self.clock)
        self._rate_limiter = RateLimiter(notes, self.clock)
        self.codes = CodeRegistry(notes, self.clock)
        self._unclear = UnclearRefusals(notes)
        self._enforcer = PolicyEnforcer(policy, store, notes, self.clock)
        self._observed_saves = ObservedSaves(self.clock, self.emit)
        self._backoff = Backoff(self.clock)
        self.states = GrantStates(self._enforcer, self._backoff, self._saver)
        self._cached_lookup = CachedLookup(
            store, self._enforcer, self._backoff, self.clock, self.emit
        )
        self._use(accounts)
        self.restore_pending()

    def for_accounts(self, accounts: Accounts) -> Self:
        """Return a manager that shares all but the accounts servers with this one."""
        other = copy.copy(self)
        other._use(accounts)  # noqa: SLF001 - a copy of this very object
        return other

    def _use(self, accounts: Accounts) -> None:
        self.accounts = accounts
        store, saver, emit, clock = self.store, self._saver, self.emit, self.clock
        self._refresher = Refresher(
            store, accounts, saver, self._rate_limiter, self._observed_saves, emit,
            self._backoff, clock, self._enforcer.now,
        )  # fmt: skip
        self.upkeep = TokenUpkeep(
            store, accounts, saver, self._refresher, self._enforcer, self._observed_saves,
            self._backoff, clock,
        )  # fmt: skip
        self.revocation = Revocation(store, accounts, saver, self._rate_limiter, emit, clock)
        self.enrollment = Enrollment(
            store, accounts, saver, self.codes, self._enforcer, self._rate_limiter,
            FormerRows(store, accounts, self.upkeep), self.revocation, emit, clock,
        )  # fmt: skip

    def restore_pending(self) -> bool:
        """Try to save every token of the lifeboat; return False if none was in it."""
        return bool(self._saver.restore_pending())

    @unmasked
    def token(self, user: User, min_ttl: timedelta = NO_MINIMUM) -> Token:
        """Return the token of a user, valid now: from the cache, the store or Zoho.

        Args:
            user: A user's name, or one of the store's tokens.
            min_ttl: How long it must remain valid.

        Raises:
            EvergrantError: As `evergrant.Keeper.access_token`.
        """
        key = _cache_key(user)
        cached = self._cached_lookup.fresh(key, min_ttl)
        if cached is not None:
            return cached
        read = partial(self._read, user, min_ttl)
        return self.read_through(key, read, min_ttl=min_ttl).token

    def token_if_valid(self, user: User, min_ttl: timedelta = NO_MINIMUM) -> Token | None:
        """Return what `token` would if Zoho need not be asked, else None."""
        read = partial(self._read_if_valid, user, validate_min_ttl(min_ttl))
        found = self.read_through(_cache_key(user), read, min_ttl=min_ttl, purpose="if valid")
        return found.token if found else None

    @unmasked
    def cached_token(self, user: User, min_ttl: timedelta = NO_MINIMUM) -> Token | None:
        """Return what `token` would if it need not read, refresh or wait, else None."""
        return self._cached_lookup.peek(_cache_key(user), validate_min_ttl(min_ttl))

    def _read(self, user: User, min_ttl: timedelta) -> ValidToken:
        return self.upkeep.ensure_valid(self.find(user), min_ttl)

    def _read_if_valid(self, user: User, min_ttl: timedelta) -> ValidToken | None:
        return self.upkeep.if_valid(self.find_valid(user), min_ttl)

    @unmasked
    def peek(self, key: Hashable, min_ttl: timedelta = NO_MINIMUM) -> Token | None:
        """Return the token that is cached under a key, if nothing is to be done for it."""
        return self._cached_lookup.peek(key, min_ttl)

    def read_through(
        self,
        key: Hashable,
        read: Callable[[], Found],
        *,
        min_ttl: timedelta = NO_MINIMUM,
        only_id: str | None = None,
        purpose: str = "",
    ) -> ValidToken | Found:
        """Return the token cached under a key, or what ``read`` returns; see `CachedLookup.get`."""
        found, is_due = self._cached_lookup.get(
            key, read, min_ttl=min_ttl, only_id=only_id, purpose=purpose
        )
        if found is not None and is_due:
            self.upkeep.do_background_work(found.token, found.validity)
        return found

    def clear_cache(self) -> None:
        """Forget all cached tokens: not every store can tell that it was changed."""
        self._cached_lookup.clear()

    def find(self, user: User) -> Token:
        """Return the newest token of this user, or a token as it is stored now, expired or not.

        Raises:
            TokenNotFound: This client has no token of that user; or it was deleted.
            AmbiguousUser: There are several.
        """
        has_pending = self.restore_pending()
        if isinstance(user, Token):
            row = self.store.find_token_by_id(user.id or "")
            if row is None:
                raise TokenNotFound("there is no such token", token_id=user.id, user=user.user_name)
            return self.upkeep.with_pending(row, has_pending=has_pending)
        ours = self.accounts.client.client_id if self.accounts.client else None
        rows, is_dead = self.store.find_users(user), self._rate_limiter.is_dead
        stored = select_user_token(rows, user, ours, is_dead)
        return self.upkeep.with_pending(stored, has_pending=has_pending)

    def find_valid(self, user: User) -> Token:
        """Return what `find` does, if the policy lets it be used.

        Raises:
            PolicyRefused: The policy has ended it.
        """
        return self._enforcer.require(self.find(user))

    def data_center_code(self, user: User) -> str:
        """Return the code of the data center that is asked for this user, or "" if none is."""
        try:
            return data_center_code(self.find(user), self.accounts)
        except EvergrantError:
            return ""  # the call itself raises it then

    def refresh(self, user: User) -> Token:
        """Refresh the access token now, even if it has not expired; raises as `token`."""
        found = self.find_valid(user)
        self._cached_lookup.drop(_cache_key(user))
        return self.upkeep.replace_rejected(found, is_asked=True)

    def replace_rejected(self, user: User, rejected: Token) -> Token:
        """Return a token of this user other than the one that the API rejected."""
        self._cached_lookup.drop(_cache_key(user))
        return self.upkeep.replace_rejected(rejected)

    def replace_unclear(self, user: User, refused: Token) -> Token | None:
        """Return a token in place of one that a service refused without saying why.

        A missing scope or role looks like a dead token to some services, and calls that lack one
        must not use up Zoho's ten refreshes in ten minutes. So a token that was refreshed for such
        an answer is not refreshed for another one, by any process.

        Returns:
            Another token, or None if a new one was tried before.
        """
        if self._unclear.was_tried(refused):
            return None
        replaced = self.replace_rejected(user, refused)
        self._unclear.record(replaced)
        return replaced

    def check_destination(self, token: Token, url: str, service: Service) -> Token:
        """Return the token if a request to this URL may carry it; else raise `UntrustedServer`."""
        home = self.accounts.data_center_of(token)
        if service is not CRM and not service.serves(url, home):
            raise UntrustedServer(
                f"the request does not go to {service.title} in the token's data center",
                token_id=token.id,
                user=token.user_name,
                hint=f"Send it to {service.base_url(home)}.",
            )
        if not home.serves(url):
            raise UntrustedServer(
                "the request does not go to the token's own data center",
                token_id=token.id,
                user=token.user_name,
                hint=f"Send it to {token.api_domain}.",
            )
        return token

    def base_url(self, token: Token, target: Target) -> str:
        """Return the URL that requests with this token to a service begin with.

        Raises:
            ConfigError: The token's data center does not have the service.
            UntrustedServer: The stored API domain is not one of Zoho's.
        """
        home, service = self.accounts.data_center_of(token), target.service
        if service is CRM:  # each environment of an org has an API of its own
            return f"{token.api_domain or home.api_url}{service.path}"
        return service.base_url(home, target.org)

    def save(self, token: Token) -> Token:
        """Save what another program obtained; return it as stored.

        Raises:
            TokenNotSaved: The store cannot take it; the lifeboat holds it.
        """
        return self._saver.save(token)

    def revoke(self, user: User) -> bool:
        """Revoke a grant at Zoho, then delete it from the store; return whether it was alive.

        Raises:
            OAuthError: Zoho could not be told; the token stays in the store.
        """
        try:
            return self.revocation.revoke(self._found(user))
        finally:
            self.clear_cache()  # last: another thread may have read the row until now

    def forget(self, user: User) -> None:
        """Delete a token, or a user's, from the store without telling Zoho."""
        try:
            self.revocation.forget(self._found(user))
        finally:
            self.clear_cache()  # as above

    def _found(self, user: User) -> Token:
        return self.upkeep.with_pending(user) if isinstance(user, Token) else self.find(user)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being done in the background."""
        return self.upkeep.is_idle

    def close(self) -> None:
        """Wait for what is under way in the background, and start nothing more."""
        self.upkeep.close()
        self.emit.flush()


def _cache_key(user: User) -> Hashable:
    return ("id", user.id) if isinstance(user, Token) else fold_name(user)
