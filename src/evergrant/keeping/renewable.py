"""Which tokens a renewer can keep fresh, whatever Zoho would say to them."""

from __future__ import annotations

from evergrant.accounts import Accounts
from evergrant.errors import ConfigError, EvergrantError, NoRefreshToken, UntrustedServer
from evergrant.token import Token, about

__all__ = ["home_of", "is_ours", "obstacle"]


def is_ours(token: Token, accounts: Accounts) -> bool:
    """Say whether a token is one of this app's own client; without a client, every token is."""
    return accounts.client is None or token.client_id in (None, accounts.client.client_id)


def home_of(token: Token, accounts: Accounts) -> str:
    """Return the code of the data center that is asked to renew a token; empty: none is."""
    try:
        return accounts.data_center_of(token).code
    except UntrustedServer:
        return ""


def obstacle(token: Token, accounts: Accounts) -> EvergrantError | None:
    """Return why a token cannot be renewed here; None: it can."""
    if not token.refresh_token:
        return NoRefreshToken("there is no refresh token to renew it with", **about(token))
    try:
        accounts.data_center_of(token)
        accounts.client_of(token)
    except (UntrustedServer, ConfigError) as error:
        error.token_id, error.user = token.id, token.user_name
        return error
    return None
