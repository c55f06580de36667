"""The login pages."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from evergrant._masking import masks_locals
from evergrant.integrations.django.conf import login, login_urls

__all__ = ["begin", "finish", "log_out", "tokens"]


@require_GET
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """Redirect the browser to Zoho."""
    target, again = request.GET.get("next"), "again" in request.GET
    return HttpResponseRedirect(
        login().begin(request.session, target, prompt_consent=again, urls=login_urls())
    )


@require_GET
@never_cache
@masks_locals
def finish(request: HttpRequest) -> HttpResponse:
    """Finish the login with the redirect from Zoho."""
    target = login().finish(request.session, request.META["QUERY_STRING"], urls=login_urls())
    request.session.cycle_key()  # against session fixation: the old session key is now invalid
    return HttpResponseRedirect(target)


@require_POST
@never_cache
@csrf_protect  # also in a project without the middleware
def log_out(request: HttpRequest) -> HttpResponse:
    """Log the user out; with ``?revoke=1``, revoke the grant too."""
    try:
        login().log_out(request.session, revoke=request.GET.get("revoke") == "1")
    finally:
        request.session.save()  # Django does not save it if the response is an error
    return HttpResponseRedirect(login_urls().target(request.GET.get("next")))


@require_GET
@never_cache
def tokens(_: HttpRequest) -> HttpResponse:
    """Redirect to the token list in Django's admin site."""
    try:
        return HttpResponseRedirect(reverse("admin:evergrant_token_changelist"))
    except NoReverseMatch:
        raise Http404("this project has no admin site") from None
