"""Whose a grant is: which scopes tell it, what is asked, and what the responses say; no I/O.

Zoho CRM tells user and org. Zoho's accounts server tells the user, of a grant for any service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from evergrant._oauth.errors import LATER, is_page, temporary_error
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.protocol import api_request
from evergrant._scopes import read_scopes
from evergrant.clock import utc_now
from evergrant.datacenter import DataCenter
from evergrant.errors import MissingScope, OAuthError

__all__ = [
    "IDENTITY_SCOPES",
    "PROFILE_SCOPE",
    "add_identity_scopes",
    "current_user_request",
    "is_identity_scope",
    "is_told_by_crm",
    "org_request",
    "parse_current_user",
    "parse_org",
    "parse_user_info",
    "user_info_request",
]

IDENTITY_SCOPES = ("ZohoCRM.users.READ", "ZohoCRM.org.READ")
"""What it takes to learn from the CRM whose a grant is, as the official SDK asks: user and org."""

PROFILE_SCOPE = "AaaServer.profile.READ"
"""What it takes to learn from the accounts server whose a grant is
(https://www.zoho.com/accounts/protocol/oauth/sign-in-using-zoho.html)."""

_CRM = "zohocrm."
_NO_SCOPE_IN_CRM = ("OAUTH_SCOPE_MISMATCH", "NO_PERMISSION")


def is_identity_scope(scope: str) -> bool:
    """Return True if a scope is one that tells whose a grant is."""
    return scope.lower() in {one.lower() for one in (*IDENTITY_SCOPES, PROFILE_SCOPE)}


def is_told_by_crm(scopes: Iterable[str]) -> bool:
    """Return True if the CRM is to be asked whose a grant with these scopes is.

    That is where a scope of the CRM was asked for, or Zoho did not say what was granted. A person
    without an account in the CRM cannot consent to a scope of it: Zoho answers ``no_org``.
    """
    known = [scope.lower() for scope in scopes]
    return not known or any(scope.startswith(_CRM) for scope in known)


def add_identity_scopes(scopes: str | Iterable[str]) -> list[str]:
    """Return the scopes, and the others that it takes to learn whose the grant is."""
    wanted = list(read_scopes(scopes))
    have = {scope.lower() for scope in wanted}
    for scope in IDENTITY_SCOPES if is_told_by_crm(wanted) else (PROFILE_SCOPE,):
        area = scope.rpartition(".")[0].lower()
        if not have & {f"{area}.read", f"{area}.all"}:
            wanted.append(scope)
    return wanted


def current_user_request(api_domain: str, access_token: str) -> HttpRequest:
    """Build the question which user a token belongs to (scope ZohoCRM.users.READ)."""
    return api_request(access_token, f"{api_domain}/crm/v8/users?type=CurrentUser")


def org_request(api_domain: str, access_token: str) -> HttpRequest:
    """Build the question which org a token belongs to (scope ZohoCRM.org.READ)."""
    return api_request(access_token, f"{api_domain}/crm/v8/org")


def user_info_request(data_center: DataCenter, access_token: str) -> HttpRequest:
    """Build the question whose a grant is, for the accounts server (scope `PROFILE_SCOPE`)."""
    return api_request(access_token, f"{data_center.accounts_url}/oauth/user/info")


def parse_current_user(response: HttpResponse, *, now: datetime | None = None) -> str:
    """Return the e-mail address of the token's user.

    Raises:
        MissingScope: The grant does not include ZohoCRM.users.READ.
        OAuthError: The API did not say.
    """
    return _first(response, "users", "email", IDENTITY_SCOPES[0], now)


def parse_org(response: HttpResponse, *, now: datetime | None = None) -> str:
    """Return the zgid of the token's org.

    Raises:
        MissingScope: The grant does not include ZohoCRM.org.READ.
        OAuthError: The API did not say.
    """
    return _first(response, "org", "zgid", IDENTITY_SCOPES[1], now)


def _first(response: HttpResponse, plural: str, key: str, scope: str, now: datetime | None) -> str:
    data = response.json_object() or {}
    try:
        value = data[plural][0][key]
    except (LookupError, TypeError):
        value = None
    if isinstance(value, str) and value:
        return value
    raise _unnamed(response, "the API", scope, data.get("code"), _NO_SCOPE_IN_CRM, now)


def parse_user_info(response: HttpResponse, *, now: datetime | None = None) -> str:
    """Return the e-mail address that the accounts server names.

    The keys are those that https://github.com/nextauthjs/next-auth reads.

    Raises:
        MissingScope: The grant does not include `PROFILE_SCOPE`.
        OAuthError: The accounts server did not say.
    """
    data = response.json_object() or {}
    email = data.get("Email")
    if isinstance(email, str) and email:
        return email
    server, lacking = "the accounts server", ("INVALID_OAUTHSCOPE",)
    raise _unnamed(response, server, PROFILE_SCOPE, data.get("cause"), lacking, now)


def _unnamed(
    response: HttpResponse,
    server: str,
    scope: str,
    code: object,
    no_scope: Collection[str],
    now: datetime | None,
) -> OAuthError:
    """Return the error for a response that does not name the user.

    Args:
        server: Who answered, in words.
        scope: What it takes to ask.
        code: What stands where an error has its code.
        no_scope: The codes that mean that the grant lacks the scope.
    """
    if trouble := temporary_error(response, now=now or utc_now(), whose=server):
        return trouble
    if is_page(response):
        return OAuthError(f"{server} answered a web page", hint=LATER, retryable=True)
    known = code if isinstance(code, str) else None
    if known in no_scope:
        return MissingScope(f"the grant lacks a scope to look up its user ({scope})", code=known)
    return OAuthError(
        f"{server} did not name the user of the token (HTTP {response.status})", code=known
    )
