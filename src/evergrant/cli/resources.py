"""What a command works with: the store, and the Zoho (or the sandbox) its tokens belong to.

The package's names load when they are used, which keeps the help quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

import evergrant
from evergrant._core.user_selection import select_user_token
from evergrant._user_names import near_names
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
    "offline_keeper",
    "online_keeper",
    "open_audit_log",
    "open_for_reading",
    "policy_enforcer_for",
    "require_only_user",
    "require_persistent_store",
    "suggesting",
]

MAX_NAMES_COMPARED = 10_000
"""Names that one which is not there is compared with."""

IN_MEMORY_URLS = ("memory:", "list:", "sqlite:///:memory:")
"""How the URLs of stores begin that end with their process."""


def require_persistent_store(url: str) -> None:
    """Refuse a store that would lose what a command puts into it.

    Raises:
        ConfigError: It lives in the memory of this process.
    """
    name = unquote(url).lower()
    if name.startswith(IN_MEMORY_URLS):
        raise ConfigError(
            f"{name} forgets when the command ends; nothing was done",
            hint="Name a store that stays, such as sqlite:///tokens.db.",
        )


def open_audit_log(settings: Settings) -> AuditLog | None:
    """Return what writes the audit log that is set; None: none is.

    Raises:
        ConfigError: It cannot be written.
    """
    if settings.audit is None:
        return None
    from evergrant.observing.audit_log import AuditLog

    return AuditLog(settings.audit)


@contextmanager
def open_for_reading(settings: Settings) -> Iterator[evergrant.TokenStore]:
    """Open the store to read only, and make nothing: one that is not there has no tokens."""
    try:
        store = evergrant.open_store(settings.store, read_only=True)
    except StoreMissing:
        store = evergrant.open_store("memory:")
    with store:
        yield store


def find_user(store: evergrant.TokenStore, user: str) -> evergrant.Token:
    """Return the newest token of a user that the store holds.

    Raises:
        TokenNotFound: There is none; names those that are called nearly so.
        AmbiguousUser: There are several.
    """
    with suggesting(store, user):
        return select_user_token(store.find_users(user), user, None)


@contextmanager
def suggesting(store: evergrant.TokenStore, user: str) -> Iterator[None]:
    """Let an error that there is no such user name those that are called nearly so."""
    try:
        yield
    except TokenNotFound as error:
        near = _find_near_names(store, user)
        if near:
            error.hint = f"Did you mean {' or '.join(near)}?"
        raise


def _find_near_names(store: evergrant.TokenStore, user: str) -> list[str]:
    tokens = islice(store.iter_tokens(on_corrupt=lambda _: None), MAX_NAMES_COMPARED)
    with suppress(StoreError):
        return near_names(user, [token.user_name or "" for token in tokens])
    return []


def is_sandboxed(token: evergrant.Token) -> bool:
    """Return True if a sandbox granted this token: nobody else's API is plain http."""
    return (token.api_domain or "").startswith("http://")


@contextmanager
def offline_keeper(
    settings: Settings, on_event: Listener | None = None
) -> Iterator[evergrant.Keeper]:
    """Open the store under a Keeper that only finds and forgets, whosesoever the tokens are."""
    with (
        evergrant.open_store(settings.store) as store,
        evergrant.Accounts(data_centers=ZOHO) as accounts,
    ):
        yield evergrant.Keeper(store, accounts, on_event=on_event)


@contextmanager
def online_keeper(
    settings: Settings,
    user: str,
    *,
    policy: Policy = NO_POLICY,
    on_event: Listener | None = None,
) -> Iterator[evergrant.Keeper]:
    """Open the store under a Keeper that talks to whoever granted this user's token.

    That is a sandbox where one is named, or where the token came from one.

    Args:
        policy: What tokens must keep to, for who is about to use one.
        on_event: Is told each event.
    """
    with (
        evergrant.open_store(settings.store) as store,
        suggesting(store, user),
        accounts_for(settings, settings.sandbox or _find_sandbox(store, user)) as accounts,
    ):
        yield evergrant.Keeper(store, accounts, policy=policy, on_event=on_event)


def policy_enforcer_for(
    settings: Settings, store: evergrant.TokenStore, accounts: evergrant.Accounts
) -> PolicyEnforcer:
    """Return what holds the store's tokens to the policy of the settings."""
    from evergrant._core.policy_enforcer import PolicyEnforcer
    from evergrant._core.shared_notes import SharedNotes

    return PolicyEnforcer(settings.policy, store, SharedNotes(store), accounts.clock)


def grant_states_for(
    settings: Settings, store: evergrant.TokenStore, accounts: evergrant.Accounts
) -> GrantStates:
    """Return what tells how the store's grants stand, those that wait in the lifeboat too."""
    from evergrant._core.grant_state import GrantStates
    from evergrant._core.saver import Saver
    from evergrant._lifeboat.outbox import Lifeboat
    from evergrant.events import safe_listener

    enforcer = policy_enforcer_for(settings, store, accounts)
    try:
        boat = Lifeboat(config_folder(), store.url)
    except EvergrantError:  # `evergrant doctor` says what is wrong with it
        return GrantStates(enforcer)
    saver = Saver(store, boat, safe_listener(None), accounts.clock)
    return GrantStates(enforcer, saver=saver)


def require_only_user(settings: Settings) -> str:
    """Return the one user who has tokens here.

    Raises:
        TokenNotFound: There is none.
        AmbiguousUser: There are several.
    """
    with evergrant.open_store(settings.store) as store:
        names = sorted({token.user_name for token in store.iter_tokens() if token.user_name})
    if not names:
        raise TokenNotFound("nobody is logged in", hint="Run: evergrant login")
    if len(names) > 1:
        raise AmbiguousUser("several users are logged in; name one with --user", candidates=names)
    return names[0]


def _find_sandbox(store: evergrant.TokenStore, user: str) -> str | None:
    # Where the name fits several clients, the configured one decides later, or nobody does.
    with suppress(AmbiguousUser), evergrant.Accounts(data_centers=ZOHO) as nobody:
        token = evergrant.Keeper(store, nobody).find(user)
        if is_sandboxed(token):
            return token.api_domain
    return None


def accounts_for(settings: Settings, sandbox: str | None = None) -> evergrant.Accounts:
    """Return the accounts servers of Zoho, or of the sandbox at this address.

    Raises:
        ConfigError: The address is not of this machine, or no sandbox answers there.
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
