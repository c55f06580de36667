"""The URLs of the login pages, and of the token list."""

from __future__ import annotations

from django.urls import path

from evergrant.integrations.django import views

__all__ = ["urlpatterns"]

urlpatterns = [
    path("login", views.begin, name="zoho-login"),
    path("callback", views.finish, name="zoho-callback"),
    path("logout", views.log_out, name="zoho-logout"),
    path("tokens", views.tokens, name="zoho-tokens"),
]
