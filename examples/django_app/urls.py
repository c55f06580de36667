"""The pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path

FRONT = """<!doctype html><title>Leads</title>
{% if request.zoho.is_logged_in %}
<p>{{ request.zoho.user }} <a href="{% url 'leads' %}">Leads</a></p>
<form method="post" action="{% url 'zoho-logout' %}">{% csrf_token %}
<button>Log out</button></form>
<form method="post" action="{% url 'zoho-logout' %}?revoke=1">{% csrf_token %}
<button>Disconnect</button></form>
{% else %}<a href="{% url 'zoho-login' %}">Log in</a>{% endif %}
"""


def front(request: HttpRequest) -> Any:
    """Show who is logged in, and the way in or out."""
    return HttpResponse(engines["django"].from_string(FRONT).render({}, request))


def leads(request: HttpRequest) -> Any:
    """Show the leads of who is logged in."""
    zoho = request.zoho
    answer = zoho.client.get(
        f"{zoho.token.api_domain}/crm/v8/Leads", params={"fields": "Last_Name"}
    )
    return JsonResponse(answer.json() if answer.content else {"data": []})


def me(request: HttpRequest) -> Any:
    """Show who is logged in."""
    return JsonResponse({"user": request.zoho.user})


urlpatterns = [
    path("", front),
    path("leads", leads, name="leads"),
    path("me", me),
    path("admin/", admin.site.urls),
    path("zoho/", include("evergrant.integrations.django.urls")),
]
