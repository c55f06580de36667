"""Opens what commands work with: stores, accounts servers, keepers and the audit log.

Heavy modules are imported inside the functions, which keeps the help fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

import evergrant
from evergrant._core.user_selection import select_user_token
from evergrant._user_names import near_names
from evergrant.cli.messages import ask_secret
from evergrant.config import Settings, config_folder
from evergrant.datacenter import ZOHO
from evergrant.errors import (
    AmbiguousUser,
    ConfigError,
    EvergrantError,
    StoreError,
    StoreMissing,
    TokenNotFound,
)
from evergrant.policy import NO_POLICY, Policy

if TYPE_CHECKING:
    from evergrant._core.grant_state import GrantStates
    from evergrant._core.policy_enforcer import PolicyEnforcer
    from evergrant.events import Listener
    from evergrant.observing.audit_log import AuditLog

__all__ = [
    "accounts_for",
    "find_user",
    "grant_states_for",
    "is_sandboxed",
    "named_token",
    "offline_keeper",
    "online_keeper",
    "open_audit_log",
    "open_for_reading",
    "policy_enforcer_for",
    "require_client",
    "require_only_user",
    "require_persistent_store",
    "suggesting",
]

MAX_NAMES_COMPARED = 10_000
"""How many names are compared with a name that was not found."""

IN_MEMORY_URLS = ("memory:", "list:", "sqlite:///:memory:")
"""The beginnings of the URLs of stores that are lost when their process ends."""


def require_persistent_store(url: str) -> None:
    """Refuse a store that is lost when the command ends.

    Raises:
        ConfigError: The store is in the memory of this process.
    """
    name = unquote(url).lower()
    if name.startswith(IN_MEMORY_URLS):
        raise ConfigError(
            f"{name} is lost when the command ends; nothing was done",
            hint="Name a store that is kept, such as sqlite:///tokens.db.",
        )


def require_client(settings: Settings, *, otherwise: str, secret_hint: str) -> Settings:
    """Return the settings with a client; a secret that they lack is asked for.

    Args:
        otherwise: The hint where no client is set.
        secret_hint: The hint where no secret is typed.

    Raises:
        ConfigError: No client is set, or no secret is given.
    """
    if not settings.client_id:
        raise ConfigError("no client id", hint=otherwise)
    if settings.client_secret or settings.client_secrets:
        return settings
    return replace(settings, client_secret=ask_secret("Client secret", otherwise=secret_hint))


def open_audit_log(settings: Settings) -> AuditLog | None:
    """Return the audit log that is set, or None.

    Raises:
        ConfigError: The audit log cannot be written.
    """
    if settings.audit is None:
        return None
    from evergrant.observing.audit_log import AuditLog

    return AuditLog(settings.audit)


@contextmanager
def open_for_reading(url: str) -> Iterator[evergrant.TokenStore]:
    """Open the store read-only. If it does not exist, an empty store in memory takes its place."""
    try:
        store = evergrant.open_store(url, read_only=True)
    except StoreMissing:
        store = evergrant.open_store("memory:")
    with store:
        yield store


def find_user(store: evergrant.TokenStore, user: str) -> evergrant.Token:
    """Return the newest stored token of a user.

    Raises:
        TokenNotFound: The user has no token. The hint names users with similar names.
        AmbiguousUser: The name matches several tokens.
    """
    with suggesting(store, user):
        return select_user_token(store.find_users(user), user, None)


@contextmanager
def suggesting(store: evergrant.TokenStore, user: str) -> Iterator[None]:
    """Add users with similar names to the hint of a `TokenNotFound`."""
    try:
        yield
    except TokenNotFound as error:
        near = _find_near_names(store, user) if user else []
        if near:
            error.hint = f"Did you mean {' or '.join(near)}?"
        raise


def _find_near_names(store: evergrant.TokenStore, user: str) -> list[str]:
    tokens = islice(store.iter_tokens(on_corrupt=lambda _: None), MAX_NAMES_COMPARED)
    with suppress(StoreError):
        return near_names(user, [token.user_name or "" for token in tokens])
    return []


def is_sandboxed(token: evergrant.Token) -> bool:
    """Return True if a sandbox granted this token: only a sandbox's API uses plain http."""
    return (token.api_domain or "").startswith("http://")


@contextmanager
def offline_keeper(
    settings: Settings, on_event: Listener | None = None
) -> Iterator[evergrant.Keeper]:
    """Open the store with a Keeper that only finds and deletes tokens, of any client."""
    with (
        evergrant.open_store(settings.store) as store,
        evergrant.Accounts(data_centers=ZOHO) as accounts,
    ):
        yield evergrant.Keeper(store, accounts, on_event=on_event)


@contextmanager
def online_keeper(
    settings: Settings,
    user: str | evergrant.Token,
    *,
    policy: Policy = NO_POLICY,
    on_event: Listener | None = None,
) -> Iterator[evergrant.Keeper]:
    """Open the store with a Keeper for the server that granted this user's token.

    The server is a sandbox if one is set, or if the token came from one.

    Args:
        policy: The rules for tokens that are about to be used.
        on_event: Called with each event.
    """
    with (
        evergrant.open_store(settings.store) as store,
        suggesting(store, user if isinstance(user, str) else ""),
        accounts_for(settings, settings.sandbox or _find_sandbox(store, user)) as accounts,
    ):
        yield evergrant.Keeper(store, accounts, policy=policy, on_event=on_event)


def named_token(user: str | None, token_id: str | None) -> str | evergrant.Token:
    """Return what names one token for a Keeper: a user, or a token of the store by its id.

    Raises:
        ConfigError: Neither is given, or both.
    """
    if bool(user) == bool(token_id):
        raise ConfigError("name one token", hint="Give either USER or --id ID.")
    return user or evergrant.Token(id=token_id)


def policy_enforcer_for(
    settings: Settings, store: evergrant.TokenStore, accounts: evergrant.Accounts
) -> PolicyEnforcer:
    """Return the enforcer of the settings' policy."""
    from evergrant._core.policy_enforcer import PolicyEnforcer
    from evergrant._core.shared_notes import SharedNotes

    return PolicyEnforcer(settings.policy, store, SharedNotes(store), accounts.clock)


def grant_states_for(
    settings: Settings, store: evergrant.TokenStore, accounts: evergrant.Accounts
) -> GrantStates:
    """Return the states of the store's grants, including grants that wait in the lifeboat."""
    from evergrant._core.grant_state import GrantStates
    from evergrant._core.saver import Saver
    from evergrant._lifeboat.outbox import Lifeboat
    from evergrant.events import safe_listener

    enforcer = policy_enforcer_for(settings, store, accounts)
    try:
        boat = Lifeboat(config_folder(), store.url)
    except EvergrantError:  # `evergrant doctor` reports it
        return GrantStates(enforcer)
    saver = Saver(store, boat, safe_listener(None), accounts.clock)
    return GrantStates(enforcer, saver=saver)


def require_only_user(settings: Settings) -> str:
    """Return the only user in the store.

    Raises:
        TokenNotFound: The store has no user.
        AmbiguousUser: The store has several users.
    """
    with evergrant.open_store(settings.store) as store:
        names = sorted({token.user_name for token in store.iter_tokens() if token.user_name})
    if not names:
        raise TokenNotFound("no user is logged in", hint="Run: evergrant login")
    if len(names) > 1:
        raise AmbiguousUser("several users are logged in; name one with --user", candidates=names)
    return names[0]


def _find_sandbox(store: evergrant.TokenStore, user: str | evergrant.Token) -> str | None:
    # If the name matches tokens of several clients, the configured client decides later.
    with suppress(AmbiguousUser), evergrant.Accounts(data_centers=ZOHO) as accounts:
        token = evergrant.Keeper(store, accounts).find(user)
        if is_sandboxed(token):
            return token.api_domain
    return None


def accounts_for(settings: Settings, sandbox: str | None = None) -> evergrant.Accounts:
    """Return the accounts servers of Zoho, or of the sandbox at this address.

    Raises:
        ConfigError: The address is not on this machine, or no sandbox answers there.
    """
    if sandbox:
        from evergrant.testing.sandbox_client import RemoteSandbox

        remote = RemoteSandbox.at(sandbox)
        home = remote.home(settings.data_center)
        return remote.accounts(redirect_url=settings.redirect_url, data_center=home)
    return evergrant.Accounts(
        settings.client_id,
        settings.client_secret,
        redirect_url=settings.redirect_url,
        data_center=settings.data_center,
        client_secrets=settings.client_secrets,
    )
