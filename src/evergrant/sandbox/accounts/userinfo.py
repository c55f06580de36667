"""Whose a token is, and where the data centers are."""

from __future__ import annotations

from evergrant.sandbox.messages import Response, json_response
from evergrant.sandbox.request_context import RequestContext

__all__ = ["server_info", "user_info"]

_PROFILE = "aaaserver.profile.read"


def user_info(visit: RequestContext) -> Response:
    """Describe the user of an access token.

    The keys are those that https://github.com/nextauthjs/next-auth and
    https://github.com/oozou/omniauth-zoho read; the words for errors are from
    https://github.com/zoho/zcrm-python-sdk/pull/10.
    """
    token = visit.access_token()
    if token is None:
        return _error("INVALID_OAUTHTOKEN")
    if _PROFILE not in (scope.lower() for scope in token.grant.scopes):
        return _error("INVALID_OAUTHSCOPE")
    user = token.grant.user
    return json_response(
        {
            "First_Name": user.first_name,
            "Email": user.email,
            "Last_Name": user.last_name,
            "Display_Name": user.full_name,
            "ZUID": int(user.zuid),
        }
    )


def server_info(visit: RequestContext) -> Response:
    """List the data centers' accounts servers; China is not among them.

    https://www.zoho.com/accounts/protocol/oauth/multi-dc/client-authorization.html
    """
    locations = {
        code: data_center.accounts_url
        for code, data_center in visit.state.data_centers.items()
        if code != "cn"
    }
    return json_response({"locations": locations})


def _error(cause: str) -> Response:
    return json_response({"response": "error", "cause": cause}, 401)
