"""Which tokens can be refreshed here at all, and by which data center."""

from __future__ import annotations

from evergrant.accounts import Accounts
from evergrant.errors import ConfigError, EvergrantError, NoRefreshToken, UntrustedServer
from evergrant.token import Token, identify

__all__ = ["belongs_to_client", "data_center_code", "refresh_blocker"]


def belongs_to_client(token: Token, accounts: Accounts) -> bool:
    """Return True if a token is one of this app's own client; without a client, every token is."""
    return accounts.client is None or token.client_id in (None, accounts.client.client_id)


def data_center_code(token: Token, accounts: Accounts) -> str:
    """Return the code of the data center that refreshes a token, or "" if none can."""
    try:
        return accounts.data_center_of(token).code
    except UntrustedServer:
        return ""


def refresh_blocker(token: Token, accounts: Accounts) -> EvergrantError | None:
    """Return why a token cannot be refreshed here, or None if it can."""
    if not token.refresh_token:
        return NoRefreshToken("there is no refresh token to refresh it with", **identify(token))
    try:
        accounts.data_center_of(token)
        accounts.client_for(token)
    except (UntrustedServer, ConfigError) as error:
        error.token_id, error.user = token.id, token.user_name
        return error
    return None
