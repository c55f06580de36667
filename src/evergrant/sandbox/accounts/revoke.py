"""Revoking tokens, at the older and at the newer address."""

from __future__ import annotations

import binascii
from base64 import b64decode

from evergrant.sandbox.accounts.responses import refused, server_error
from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.models import AccessToken, Client, Grant
from evergrant.sandbox.request_context import RequestContext

__all__ = ["revoke", "revoke_authenticated"]


def revoke(visit: RequestContext) -> Response:
    """Revoke the given token; its holder may do so.

    https://www.zoho.com/accounts/protocol/oauth/revoke-refresh-token.html
    """
    if visit.request.method != "POST":
        return server_error()
    return _revoke(visit, _find(visit))


def revoke_authenticated(visit: RequestContext) -> Response:
    """Revoke a token of the client that shows its secret.

    https://www.zoho.com/developer/oauth/revoke-oauth-token.html; the answer's body is not
    documented there: it is that of the older address.
    """
    if visit.request.method != "POST":
        return server_error()
    client_id, secret = _basic(visit.request.headers.get("authorization", ""))
    client = visit.state.directory.clients.get(client_id)
    home = visit.place.data_center
    if client is None or not client.enabled_in(home):
        return refused(visit.state.settings, "invalid_client")
    if secret != client.secret_in(home):
        return refused(visit.state.settings, "invalid_client_secret")
    return _revoke(visit, _find(visit, client))


def _find(visit: RequestContext, client: Client | None = None) -> Grant | AccessToken | None:
    """Return the live token that is named; of one client and kind, where there is a client."""
    fields, grants = visit.request.fields, visit.state.grants
    value, kind = fields.get("token", ""), fields.get("token_type") if client else None
    found: Grant | AccessToken | None = None
    if kind in (None, "refresh_token"):
        found = grants.by_refresh_token(value)
    if found is None and kind in (None, "access_token"):
        found = grants.access_token(value, visit.now)
    if found is None:
        return None
    grant = found.grant if isinstance(found, AccessToken) else found
    at_home = grant.user.data_center == visit.place.data_center
    return found if at_home and (client is None or grant.client_id == client.client_id) else None


def _revoke(visit: RequestContext, found: Grant | AccessToken | None) -> Response:
    if found is None:
        # The status is documented, the body is not.
        return json_response({"error": "invalid_token"}, 400)
    if isinstance(found, AccessToken):
        visit.user = found.grant.user.email
        visit.state.grants.kill(found)
    else:
        visit.user = found.user.email
        visit.state.grants.revoke(found)
    return json_response({"status": "success"})


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password
