"""The door of the CRM: who comes in, with which token, by which address."""

from __future__ import annotations

from evergrant.sandbox import crm
from evergrant.sandbox.crm.context import CrmContext
from evergrant.sandbox.crm.errors import crm_error
from evergrant.sandbox.messages import Response
from evergrant.sandbox.request_context import RequestContext

__all__ = ["handle"]


def handle(visit: RequestContext) -> Response:
    """Answer one API call, if a live token of this data center and environment came with it.

    The words are those of https://github.com/zoho/crm-oas; a token of another data center is
    no better than an invented one (https://github.com/calcom/cal.diy/issues/29258).
    """
    if visit.request.path.startswith("/crm/"):
        visit.service = "crm"
    if not visit.presented_token():
        return crm_error(401, "AUTHENTICATION_FAILURE", "Authentication failed")
    token = visit.access_token()
    if token is None or token.grant.org.kind != visit.place.kind:
        return crm_error(401, "INVALID_TOKEN", "invalid oauth token")
    grant = token.grant
    context = CrmContext(
        user=grant.user,
        org=grant.org,
        scopes=grant.scopes,
        now=visit.now,
        settings=visit.state.settings.crm,
        schema=visit.state.schema,
        strict=visit.state.settings.strict,
    )
    return crm.handle(context, visit.request)
