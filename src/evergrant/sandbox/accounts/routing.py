"""Which part of an accounts server answers a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evergrant.sandbox.accounts.answers import error_page
from evergrant.sandbox.accounts.consent import APPROVE_PATH, approve, ask
from evergrant.sandbox.accounts.revoke import revoke, revoke_authenticated
from evergrant.sandbox.accounts.token import token
from evergrant.sandbox.accounts.whoami import server_info, user_info
from evergrant.sandbox.visit import Visit
from evergrant.sandbox.wire import Response

__all__ = ["ROOT", "handle"]

ROOT = "/oauth/"

_ROUTES: Mapping[str, Callable[[Visit], Response]] = {
    "/oauth/v2/auth": ask,
    APPROVE_PATH: approve,
    "/oauth/v2/token": token,
    "/oauth/v2/token/revoke": revoke,
    "/oauth/v2/revoke/token": revoke_authenticated,
    "/oauth/user/info": user_info,
    "/oauth/serverinfo": server_info,
}


def handle(visit: Visit) -> Response:
    """Answer one request to an accounts server."""
    route = _ROUTES.get(visit.request.path)
    if route is None:
        return error_page("Page Not Found", "There is no such address.", 404)
    return route(visit)
