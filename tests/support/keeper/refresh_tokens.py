"""Refresh tokens that a program has from somewhere, as most programs do."""

from __future__ import annotations

from collections.abc import Iterable

from evergrant import Accounts
from evergrant.sandbox import Sandbox
from evergrant.sandbox.models import Client

__all__ = ["accounts_of", "refresh_token_of"]


def accounts_of(zoho: Sandbox, client: Client) -> Accounts:
    """Zoho's accounts servers, as one client of the sandbox sees them."""
    return Accounts(
        client.client_id,
        client.client_secret,
        client_secrets=client.secrets,
        data_centers=zoho.data_centers,
        clock=zoho.clock,
    )


def refresh_token_of(
    zoho: Sandbox, email: str, scopes: Iterable[str], client: Client | None = None
) -> str:
    """Have a person grant the sandbox's own client, or another one; as plain text."""
    app = client or zoho.client
    home = zoho.data_center(zoho.user(email).data_center)
    with accounts_of(zoho, app) as accounts:
        token = accounts.exchange(zoho.grant_code(email, scopes, client=app), home)
    assert token.refresh_token
    return str.__str__(token.refresh_token)
