"""The pages of the login, and the list of tokens for the staff, which shows no secret."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import engines
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evergrant.integrations.django.keeping import keeper, login
from evergrant.token import Token, state_of

__all__ = ["begin", "finish", "log_out", "tokens"]

PAGE = """<!doctype html>
<title>Zoho tokens</title>
<h1>Zoho tokens</h1>
<table>
<tr><th>User<th>Client<th>State<th>Expires<th>Renewed<th></tr>
{% for token in tokens %}<tr>
<td>{{ token.user_name }}<td>{{ token.client_id }}<td>{{ token.state }}
<td>{{ token.expires_at }}<td>{{ token.updated_at }}
<td><form method="post">{% csrf_token %}
<button name="revoke" value="{{ token.user_name }}">Revoke</button></form>
</tr>{% endfor %}
</table>
"""


@require_GET
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to Zoho."""
    return HttpResponseRedirect(
        login().begin(request.session, request.GET.get("next"), again="again" in request.GET)
    )


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
    return HttpResponseRedirect("/")


@require_http_methods(["GET", "POST"])
@never_cache
@staff_member_required
def tokens(request: HttpRequest) -> HttpResponse:
    """List the tokens; a superuser may revoke them."""
    if request.method == "POST":
        if not request.user.is_superuser:
            return HttpResponse("Only a superuser may revoke a token.", status=403)
        keeper().revoke(request.POST["revoke"])
        return HttpResponseRedirect(request.path)
    rows = [_shown(token) for token in keeper().store.iter_tokens()]
    page = engines["django"].from_string(PAGE)
    return HttpResponse(page.render({"tokens": rows}, request))


def _shown(token: Token) -> dict[str, Any]:
    return {
        "user_name": token.user_name,
        "client_id": token.client_id,
        "state": state_of(token, keeper().accounts.clock()),
        "expires_at": token.expires_at,
        "updated_at": token.updated_at,
    }
