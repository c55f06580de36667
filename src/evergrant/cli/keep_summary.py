"""What a scheduler finds in a store: how many tokens it keeps, and why it leaves others alone."""

from __future__ import annotations

from collections import Counter

from evergrant._core.manager import TokenManager
from evergrant._core.refreshable import belongs_to_client, refresh_blocker
from evergrant.accounts import Accounts
from evergrant.cli.resources import is_sandboxed
from evergrant.errors import NoRefreshToken, UntrustedServer
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["count_states", "skipped_by_reason"]


def skipped_by_reason(store: TokenStore, accounts: Accounts) -> Counter[str]:
    """Count the tokens that these accounts servers and their client cannot keep, by reason."""
    reasons = (_reason(token, accounts) for token in store.iter_tokens(on_corrupt=lambda _: None))
    return Counter(reason for reason in reasons if reason)


def count_states(manager: TokenManager) -> Counter[str]:
    """Count the tokens by state, for metrics."""
    tokens = manager.store.iter_tokens(on_corrupt=lambda _: None)
    return Counter(manager.states.describe(token) for token in tokens)


def _reason(token: Token, accounts: Accounts) -> str | None:
    problem = refresh_blocker(token, accounts)
    if isinstance(problem, UntrustedServer):
        return "of a sandbox" if is_sandboxed(token) else "of unknown servers"
    if not belongs_to_client(token, accounts):
        return "of other clients"
    if isinstance(problem, NoRefreshToken):
        return "without a refresh token"
    return "without a client" if problem else None
