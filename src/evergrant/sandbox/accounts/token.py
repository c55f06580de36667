"""``POST /oauth/v2/token``: codes, refresh tokens and client credentials for access tokens.

Sources: https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token.html and its
neighbours for what is asked and answered, https://www.zoho.com/books/api/v3/oauth/ for the errors.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from evergrant.sandbox.accounts.responses import refused, server_error, throttled
from evergrant.sandbox.accounts.scopes import read_scopes
from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.models import AccessToken, Client, Code, Grant
from evergrant.sandbox.request_context import RequestContext, SandboxState

__all__ = ["identify", "token"]

_SECOND = timedelta(seconds=1)

Fields = Mapping[str, str]


def token(visit: RequestContext) -> Response:
    """Answer a request for a token."""
    if visit.request.method != "POST":
        return server_error()
    fields = _fields(visit)
    identify(visit, fields)
    state, home = visit.state, visit.place.data_center
    client = state.directory.clients.get(fields.get("client_id", ""))
    if "client_id" not in fields and visit.request.headers.get("authorization"):
        visit.missing.append("the client's secret in an Authorization header")
    if client is None or not client.enabled_in(home):
        return refused(state.settings, "invalid_client")
    if fields.get("client_secret") != client.secret_in(home):
        return refused(state.settings, "invalid_client_secret")
    grant = _GRANTS.get(fields.get("grant_type", ""))
    if fields.get("grant_type") in _OTHER_GRANTS:
        visit.missing.append(f"grant_type={fields['grant_type']}")
    if grant is None:
        return refused(state.settings, "unsupported_grant_type")
    return grant(visit, client, fields)


def identify(visit: RequestContext, fields: Fields | None = None) -> None:
    """Note for the call log what is asked for, and whose code or token it comes with."""
    fields = _fields(visit) if fields is None else fields
    if (grant_type := fields.get("grant_type")) not in _GRANTS:
        return
    visit.grant_type = grant_type
    grants = visit.state.grants
    owner = grants.by_refresh_token(fields.get("refresh_token", "")) or grants.code(
        fields.get("code", ""), visit.now
    )
    visit.user = owner.user.email if owner else None


def _fields(visit: RequestContext) -> Fields:
    """Return the parameters; those in a JSON body are not seen, as at Zoho."""
    fields = visit.request.fields
    if visit.state.settings.allow_json and not fields:
        try:
            data = json.loads(visit.request.body)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if isinstance(value, str)}
    return fields


def _exchange(visit: RequestContext, client: Client, fields: Fields) -> Response:
    grants, settings = visit.state.grants, visit.state.settings
    code = grants.code(fields.get("code", ""), visit.now)
    if (
        code is None
        or code.client_id != client.client_id
        or code.user.data_center != visit.place.data_center
    ):
        return refused(settings, "invalid_code")
    if code.redirect_uri is not None and fields.get("redirect_uri") != code.redirect_uri:
        return refused(settings, "invalid_redirect_uri")
    if not _verified(code, fields.get("code_verifier", "")):
        return refused(settings, "invalid_code")
    grant = grants.redeem(code, visit.now)
    if grant is None:
        return throttled(settings)
    granted = _granted(visit.state, grants.mint(grant, visit.now))
    if grant.refresh_token:
        granted["refresh_token"] = grant.refresh_token
    return json_response(granted)


def _verified(code: Code, verifier: str) -> bool:
    if code.challenge is None:
        return True
    if code.challenge_method == "S256":
        digest = sha256(verifier.encode(errors="replace")).digest()
        verifier = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return verifier == code.challenge


def _refresh(visit: RequestContext, client: Client, fields: Fields) -> Response:
    grants, settings = visit.state.grants, visit.state.settings
    grant = grants.by_refresh_token(fields.get("refresh_token", ""))
    if (
        grant is None
        or grant.client_id != client.client_id
        or grant.user.data_center != visit.place.data_center
    ):
        return refused(settings, "invalid_code")
    minted = grants.mint_with_refresh_token(grant, visit.now)
    return throttled(settings) if minted is None else json_response(_granted(visit.state, minted))


def _client_credentials(visit: RequestContext, client: Client, fields: Fields) -> Response:
    """Mint for an org without a user; its first member stands for the self client's owner.

    https://www.zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html
    """
    settings = visit.state.settings
    scopes = read_scopes(fields.get("scope", ""))
    if scopes is None:
        return refused(settings, "invalid_scope")
    service, _, zgid = fields.get("soid", "").partition(".")
    found = visit.state.directory.owner_of(zgid, visit.place.data_center)
    if service != "ZohoCRM" or found is None:
        return refused(settings, "missing_org_info")
    user, org = found
    grant = Grant(None, client.client_id, user, org, scopes)
    visit.user = user.email
    return json_response(_granted(visit.state, visit.state.grants.mint(grant, visit.now)))


def _granted(state: SandboxState, minted: AccessToken) -> dict[str, Any]:
    settings, grant = state.settings, minted.grant
    answer: dict[str, Any] = {"access_token": minted.value}
    if settings.send_scope:
        answer["scope"] = " ".join(grant.scopes)
    answer["api_domain"] = state.api_url(grant.org)
    answer["token_type"] = "Bearer"  # noqa: S105 - what Zoho calls it
    if settings.issue_expires_in:
        seconds = settings.access_token_life // _SECOND
        if settings.legacy_expires_in:
            answer |= {"expires_in_sec": seconds, "expires_in": seconds * 1000}
        else:
            answer["expires_in"] = seconds
    return answer


_GRANTS: Mapping[str, Callable[[RequestContext, Client, Fields], Response]] = {
    "authorization_code": _exchange,
    "refresh_token": _refresh,
    "client_credentials": _client_credentials,
}

_OTHER_GRANTS = (
    "device_token",
    "implicit",
    "update_scopes_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
)
"""Grant types that Zoho has and the sandbox has not."""
