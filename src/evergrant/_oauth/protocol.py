"""Zoho's OAuth 2.0 as pure functions: build a request, read a response; no I/O.

Sources: https://www.zoho.com/accounts/protocol/oauth.html and its pages, and
https://www.zoho.com/books/api/v3/oauth/ (the fullest list of errors).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from evergrant._oauth.client import Client
from evergrant._oauth.errors import error_from_response
from evergrant._oauth.messages import HttpRequest, HttpResponse, form_request
from evergrant._scopes import comma_separated
from evergrant._text import is_word
from evergrant.datacenter import DataCenter, DataCenters, display_origin
from evergrant.errors import UntrustedServer
from evergrant.token import Secret

__all__ = [
    "ACCESS_TOKEN_LIFE",
    "TokenResponse",
    "api_request",
    "authorization_url",
    "client_credentials_request",
    "exchange_request",
    "parse_revocation",
    "parse_token_response",
    "refresh_request",
    "revoke_request",
]

ACCESS_TOKEN_LIFE = timedelta(hours=1)
"""How long an access token lives where the response does not say (it leaves it out at times)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """What Zoho granted, whole: these belong together; ``stranger``: a foreign API it named."""

    access_token: Secret
    refresh_token: Secret | None
    expires_at: datetime
    api_domain: str
    scopes: tuple[str, ...]
    stranger: str | None = None


def authorization_url(
    data_center: DataCenter,
    client: Client,
    scopes: str | Iterable[str],
    *,
    state: str,
    prompt_consent: bool = False,
    challenge: str | None = None,
) -> str:
    """Return the address to send the user's browser to.

    Args:
        scopes: Zoho separates them by commas.
        state: Comes back unchanged with the response.
        prompt_consent: Ask for consent even if it was given before, which is what makes Zoho
            issue another refresh token.
        challenge: The S256 code challenge of PKCE; Zoho documents PKCE for mobile and desktop
            clients only.
    """
    params = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_url or "",
        "scope": comma_separated(scopes),
        "access_type": "offline",
        "state": state,
    }
    if prompt_consent:
        params["prompt"] = "consent"
    if challenge:
        params |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"{data_center.accounts_url}/oauth/v2/auth?{urlencode(params)}"


def _token_request(
    data_center: DataCenter, client: Client, grant_type: str, **fields: str | None
) -> HttpRequest:
    # In a form body: Zoho takes the query string too, but addresses end up in logs.
    who = {"client_id": client.client_id, "client_secret": client.secret_for(data_center)}
    return form_request(
        f"{data_center.accounts_url}/oauth/v2/token", who | {"grant_type": grant_type} | fields
    )


def exchange_request(
    data_center: DataCenter,
    client: Client,
    code: str,
    *,
    redirect_url: str | None,
    verifier: str | None = None,
) -> HttpRequest:
    """Build the exchange of a one-time code; a self client's code has no redirect URL."""
    return _token_request(
        data_center,
        client,
        "authorization_code",
        code=code,
        redirect_uri=redirect_url,
        code_verifier=verifier,
    )


def refresh_request(data_center: DataCenter, client: Client, refresh_token: str) -> HttpRequest:
    """Build the request for a new access token."""
    return _token_request(data_center, client, "refresh_token", refresh_token=refresh_token)


def client_credentials_request(
    data_center: DataCenter, client: Client, scopes: str | Iterable[str], org_id: str
) -> HttpRequest:
    """Build the request of a self client for a token without a user, in one CRM org."""
    return _token_request(
        data_center,
        client,
        "client_credentials",
        scope=comma_separated(scopes),
        soid=f"ZohoCRM.{org_id}",
    )


def revoke_request(
    data_center: DataCenter,
    token: str,
    *,
    kind: str = "refresh_token",
    client: Client | None = None,
) -> HttpRequest:
    """Build the revocation of a token; a refresh token takes its access tokens with it.

    Args:
        kind: ``refresh_token`` or ``access_token``.
        client: Given, the newer endpoint is used, which authenticates the client
            (https://www.zoho.com/developer/oauth/revoke-oauth-token.html); else the older one
            (https://www.zoho.com/accounts/protocol/oauth/revoke-refresh-token.html).
    """
    if client is None:
        return form_request(f"{data_center.accounts_url}/oauth/v2/token/revoke", {"token": token})
    secret = client.secret_for(data_center) or ""
    pair = b64encode(b":".join(part.encode() for part in (client.client_id, secret))).decode()
    return form_request(
        f"{data_center.accounts_url}/oauth/v2/revoke/token",
        {"token": token, "token_type": kind},
        authorization=f"Basic {pair}",
    )


def api_request(
    access_token: str,
    url: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> HttpRequest:
    """Build a request to the API with Zoho's own form of the authorization header."""
    sign = {"authorization": "Zoho-oauthtoken " + access_token}
    return HttpRequest(method, url, {**(headers or {}), **sign}, body)


def parse_token_response(
    response: HttpResponse, *, now: datetime, asked: DataCenter, known: DataCenters, grant_type: str
) -> TokenResponse:
    """Read the token endpoint's response.

    Success is a JSON object with an access token, whatever the status; everything else is an
    error, whatever the status: Zoho answers most errors with 200.

    Args:
        now: When the request was sent (aware); the token's life counts from here.
        asked: The data center that was asked; the API domain must be one of its own.
        grant_type: What was asked for; what a spent code brought is always returned.

    Raises:
        OAuthError: One of its kinds, see `evergrant._oauth.errors`.
    """
    data = response.json_object()
    access_token = data.get("access_token") if data else None
    if not data or not isinstance(access_token, Secret) or not is_word(access_token or " "):
        raise error_from_response(response, data, now=now, grant_type=grant_type)
    api_domain = None if asked.is_fixed else data.get("api_domain")
    stranger = (
        display_origin(api_domain) if api_domain and not known.has_api(asked, api_domain) else None
    )
    if stranger and grant_type != "authorization_code":
        raise UntrustedServer(f"the answer names {stranger}, which is not in {asked.code!r}")
    refresh_token = data.get("refresh_token")
    return TokenResponse(
        access_token=access_token,
        refresh_token=refresh_token if isinstance(refresh_token, Secret) else None,
        expires_at=now + _life(data),
        api_domain=(asked.api_url if stranger else api_domain or asked.api_url).rstrip("/"),
        scopes=_scopes(data.get("scope")),
        stranger=stranger,
    )


def _life(data: Mapping[str, Any]) -> timedelta:
    """Return how long the access token lives: 1 ms to 1 h; never a reason to lose it.

    Before 2020 ``expires_in`` counted milliseconds and came with ``expires_in_sec``
    (https://github.com/googleworkspace/apps-script-oauth2/issues/198).
    """
    seconds = data.get("expires_in_sec", data.get("expires_in"))
    try:
        life = timedelta(seconds=int(seconds))
    except (TypeError, ValueError, OverflowError):
        return ACCESS_TOKEN_LIFE
    return life if timedelta(0) < life <= ACCESS_TOKEN_LIFE else ACCESS_TOKEN_LIFE


def _scopes(value: object) -> tuple[str, ...]:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else ()


def parse_revocation(response: HttpResponse, *, now: datetime) -> bool:
    """Read a revocation's response: whether the token was alive (False: it was dead already).

    Raises:
        OAuthError: It may be alive still.
    """
    data = response.json_object()
    if response.status == HTTPStatus.OK and data is not None and data.get("status") == "success":
        return True
    # Zoho documents the status of a dead token, not the body; a web page is not its response.
    word = data.get("error") if data else "a page" if response.body else None
    if response.status == HTTPStatus.BAD_REQUEST and word in (
        None,
        "invalid_token",
        "invalid_code",
    ):
        return False
    raise error_from_response(response, data, now=now, grant_type="revoke")
