"""The pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import include, path


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
    path("leads", leads),
    path("me", me),
    path("admin/", admin.site.urls),
    path("zoho/", include("evergrant.integrations.django.urls")),
]
