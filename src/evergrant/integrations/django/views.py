"""The pages of the login."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import get_script_prefix
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from evergrant.integrations.django.keeping import login

__all__ = ["begin", "finish", "log_out"]


@require_GET
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to Zoho."""
    target, again = request.GET.get("next") or get_script_prefix(), "again" in request.GET
    return HttpResponseRedirect(login().begin(request.session, target, again=again))


@require_GET
@never_cache
def finish(request: HttpRequest) -> HttpResponse:
    """Take in what the browser brought back from Zoho."""
    target = login().finish(request.session, request.META["QUERY_STRING"])
    request.session.cycle_key()  # whoever knew the session before does not know it now
    return HttpResponseRedirect(target)


@require_POST
@never_cache
def log_out(request: HttpRequest) -> HttpResponse:
    """Forget who is logged in."""
    login().log_out(request.session)
    return HttpResponseRedirect(get_script_prefix())
