"""Which part of an accounts server answers a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evergrant.sandbox.accounts.consent import APPROVE_PATH, approve, ask
from evergrant.sandbox.accounts.responses import error_page, not_here
from evergrant.sandbox.accounts.revoke import revoke, revoke_authenticated
from evergrant.sandbox.accounts.token import token
from evergrant.sandbox.accounts.userinfo import server_info, user_info
from evergrant.sandbox.messages import Response
from evergrant.sandbox.request_context import RequestContext
from evergrant.sandbox.unsupported import marked

__all__ = ["ROOT", "handle"]

ROOT = "/oauth/"

_ROUTES: Mapping[str, Callable[[RequestContext], Response]] = {
    "/oauth/v2/auth": ask,
    APPROVE_PATH: approve,
    "/oauth/v2/token": token,
    "/oauth/v2/token/revoke": revoke,
    "/oauth/v2/revoke/token": revoke_authenticated,
    "/oauth/user/info": user_info,
    "/oauth/serverinfo": server_info,
}

_PARAMETERS: Mapping[str, frozenset[str]] = {
    path: frozenset(names.split())
    for path, names in {
        "/oauth/v2/auth": "client_id redirect_uri response_type scope state access_type prompt "
        "code_challenge code_challenge_method",
        "/oauth/v2/token": "grant_type client_id client_secret code redirect_uri code_verifier "
        "refresh_token scope soid state access_type",
        "/oauth/v2/token/revoke": "token",
        "/oauth/v2/revoke/token": "token token_type",
    }.items()
}
"""What each address understands, or is documented to tolerate."""

_ELSEWHERE = frozenset(
    (
        "/oauth/v2/introspect",
        "/oauth/v2/keys",
        "/oauth/v2/mobile/internal/token",
        "/oauth/v2/token/addextrascope",
        "/oauth/v2/token/scopeenhance",
        "/oauth/v2/userinfo",
        "/oauth/v3/device/code",
        "/oauth/v3/device/token",
    )
)
"""What Zoho has below /oauth/ and the sandbox has not: the addresses of Zoho's metadata for
OpenID Connect, of incremental authorization and of the device flow."""


def handle(visit: RequestContext) -> Response:
    """Answer one request to an accounts server."""
    path = visit.request.path
    route = _ROUTES.get(path)
    if route is None:
        if path in _ELSEWHERE:
            return not_here(f"address {path}")
        return error_page("Page Not Found", "There is no such address.", 404)
    known = _PARAMETERS.get(path)
    if known is not None:
        # As OAuth asks (RFC 6749, 3.1), what is not understood is passed over; but told.
        visit.missing += [f"parameter {name}" for name in visit.request.fields if name not in known]
    return marked(route(visit), visit.missing)
