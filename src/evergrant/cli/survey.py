"""What a renewer finds in a store: how many tokens it keeps, and why it leaves others alone."""

from __future__ import annotations

from collections import Counter

from evergrant.accounts import Accounts
from evergrant.cli.session import is_sandboxed
from evergrant.errors import NoRefreshToken, UntrustedServer
from evergrant.keeping.custody import Custody
from evergrant.keeping.renewable import is_ours, obstacle
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["count_states", "left_alone"]


def left_alone(store: TokenStore, accounts: Accounts) -> Counter[str]:
    """Count the tokens that these accounts servers and their client cannot keep, by reason."""
    reasons = (_reason(token, accounts) for token in store.iter_tokens(on_corrupt=lambda _: None))
    return Counter(reason for reason in reasons if reason)


def count_states(custody: Custody) -> Counter[str]:
    """Count the tokens by state, for metrics."""
    tokens = custody.store.iter_tokens(on_corrupt=lambda _: None)
    return Counter(custody.states.word(token) for token in tokens)


def _reason(token: Token, accounts: Accounts) -> str | None:
    problem = obstacle(token, accounts)
    if isinstance(problem, UntrustedServer):
        return "of a sandbox" if is_sandboxed(token) else "of unknown servers"
    if not is_ours(token, accounts):
        return "of other clients"
    if isinstance(problem, NoRefreshToken):
        return "without a refresh token"
    return "without a client" if problem else None
