"""Zoho's words for what went wrong, and the error each one becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from evergrant._oauth.messages import HttpResponse
from evergrant.errors import (
    AccountsUnavailable,
    CodeSpent,
    InvalidClient,
    LoginRequired,
    MissingScope,
    OAuthError,
    Throttled,
    UntrustedServer,
    WrongDataCenter,
)

__all__ = [
    "LATER",
    "THROTTLE_WINDOW",
    "error_from_response",
    "is_network_error",
    "is_page",
    "may_have_granted",
    "temporary_error",
    "was_sent",
]

THROTTLE_WINDOW = timedelta(minutes=10)
"""Zoho counts token requests in windows of ten minutes
(https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html)."""

LATER = "Try again later. A network that wants a login of its own does this, too."

REDIRECTION = 3
"""The hundreds of the statuses that point elsewhere."""

FAILURES = 500
"""From here on a status says that the server failed."""

_WORD = re.compile(r"[A-Za-z_ -]{1,60}")
"""No digits: a token or a client secret that a server echoes is not mistaken for a word."""

_MEANINGS: Mapping[str, tuple[type[OAuthError], str, str | None]] = {
    "invalid_code": (CodeSpent, "the one-time code was used, is too old or is not ours", None),
    "dead_refresh_token": (
        LoginRequired,
        "the refresh token no longer works: revoked, or pushed out by newer logins",
        None,
    ),
    "invalid_client": (
        InvalidClient,
        "unknown client id, or not enabled in this data center",
        None,
    ),
    "invalid_client_secret": (InvalidClient, "wrong client secret for this data center", None),
    "invalid_redirect_uri": (
        InvalidClient,
        "the redirect URL is not the registered one",
        "It must equal the one in Zoho's API console: scheme, host, slash and port.",
    ),
    "missing_org_info": (OAuthError, "the org was not found", "Give the zgid of the CRM org."),
    "invalid_scope": (MissingScope, "no such scope, or not for this client", None),
    "other_dc": (WrongDataCenter, "the account is in another data center", None),
    "general_error": (AccountsUnavailable, "the accounts server failed", None),
    "server_error": (AccountsUnavailable, "the accounts server failed", None),
}
_SAME_AS = {
    "invalid_grant": "invalid_code",
    "invalid_token": "invalid_code",
    "invalid_scopes": "invalid_scope",
}


def error_from_response(
    response: HttpResponse, data: Mapping[str, Any] | None, *, now: datetime, grant_type: str
) -> OAuthError:
    """Return the error that a token endpoint's response means.

    A throttle is never taken for a dead refresh token: the first passes, the second asks the
    user to log in again. Nor is what a server says that fails, or that has too much to do: its
    status decides, whatever the body says.

    Args:
        data: The response's JSON object, if it is one.
        now: When it came (aware).
        grant_type: What was asked for.
    """
    code = data.get("error") if data else None
    word = ""
    if isinstance(code, str) and _WORD.fullmatch(code):
        word = code.lower().replace(" ", "_")
        word = _SAME_AS.get(word, word)
    # "Access Denied" for token requests, "access_denied" for codes: both are throttles.
    if word == "access_denied":
        retry_at = now + (_retry_after(response, now) or THROTTLE_WINDOW)
        return Throttled("Zoho got too many token requests", retry_at=retry_at, code=code)
    if trouble := temporary_error(response, now=now, whose="the accounts server"):
        return trouble
    if not word:
        return _unusable_response(response)
    if word == "invalid_code" and grant_type == "refresh_token":
        word = "dead_refresh_token"
    kind, meaning, hint = _MEANINGS.get(word, (OAuthError, "", None))
    return kind(": ".join(filter(None, (f"Zoho refused ({code})", meaning))), code=code, hint=hint)


def temporary_error(response: HttpResponse, *, now: datetime, whose: str) -> OAuthError | None:
    """Return the error that a status alone means, if it is trouble that passes.

    Args:
        now: When the response came (aware).
        whose: What answered, for people.
    """
    if response.status == HTTPStatus.TOO_MANY_REQUESTS and (wait := _retry_after(response, now)):
        return Throttled(f"{whose} has too much to do (HTTP 429)", retry_at=now + wait)
    if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= FAILURES:
        error = AccountsUnavailable(
            f"{whose} is in trouble (HTTP {response.status})", answered=True
        )
        error.intercepted = response.status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED
        return error
    if response.status // 100 == REDIRECTION:
        return UntrustedServer(
            f"{whose} sent us elsewhere (HTTP {response.status}); secrets are not sent there",
            hint=LATER,
            retryable=True,
        )
    return None


def _retry_after(response: HttpResponse, now: datetime) -> timedelta | None:
    """Return how long Zoho asks us to wait (a second to a window), or None if it does not say."""
    said = response.headers.get("retry-after", "").strip()
    try:
        wait = timedelta(seconds=int(said)) if said.isdigit() else parsedate_to_datetime(said) - now
    except (ValueError, TypeError, OverflowError):
        # Too many seconds to count are still a wish to be left alone.
        return THROTTLE_WINDOW if said.isdigit() else None
    return min(max(wait, timedelta(seconds=1)), THROTTLE_WINDOW)


def _unusable_response(response: HttpResponse) -> OAuthError:
    if not response.body:
        got = "nothing"
    elif is_page(response):
        got = "a web page"
    else:
        got = "something that is not an OAuth answer"
    error = AccountsUnavailable(
        f"the accounts server answered {got} (HTTP {response.status})",
        # What looks like a response that broke off may have granted something.
        answered=not response.body.lstrip().startswith(b"{"),
        hint=LATER if is_page(response) else None,
    )
    error.intercepted = is_page(response)
    return error


def is_page(response: HttpResponse) -> bool:
    """Return True if a response is a web page, which no program asked for."""
    return "html" in response.headers.get("content-type", "") or response.body.lstrip().startswith(
        b"<"
    )


def was_sent(error: OAuthError) -> bool:
    """Return True if the request that failed may have left this host."""
    return not isinstance(error, AccountsUnavailable) or error.sent


def is_network_error(error: OAuthError) -> bool:
    """Return True if a network in between answered in Zoho's place: others may well reach Zoho."""
    if isinstance(error, AccountsUnavailable):
        return error.intercepted
    return isinstance(error, UntrustedServer) and error.retryable


def may_have_granted(error: OAuthError) -> bool:
    """Return True if Zoho may have granted what was asked for although nothing usable arrived."""
    if isinstance(error, AccountsUnavailable):
        return error.sent and not error.answered
    # A redirect passes: nothing was granted with it. A response of a foreign server does not.
    return isinstance(error, UntrustedServer) and not error.retryable
