"""The tokens in Django's admin site: who is logged in with Zoho, since when, and revoking it.

Django's own permissions decide: ``evergrant.view_zohotoken`` to see the list, which shows no
secret, ``evergrant.delete_zohotoken`` to revoke.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from evergrant.errors import EvergrantError
from evergrant.integrations.django.keeping import keeper
from evergrant.integrations.django.models import ZohoToken
from evergrant.token import Token, state_of

__all__ = ["ZohoTokenAdmin"]

ON_A_PAGE = 100


@admin.register(ZohoToken)
class ZohoTokenAdmin(admin.ModelAdmin):
    """Django's lists and forms ask a database; these two pages ask the keeper's store."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's interface
        """Say that tokens come from logins only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002 - as above
        """Say that nobody edits a token."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Return the pages: the list, and what asks whether to revoke."""
        list_, revoke = map(self.admin_site.admin_view, (self.changelist_view, self.revoke_view))
        return [
            path("", list_, name="evergrant_zohotoken_changelist"),
            path("<path:object_id>/revoke/", revoke, name="evergrant_zohotoken_revoke"),
        ]

    @method_decorator(never_cache)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List the tokens, or those of whose name contains what is searched for."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        words, number = request.GET.get("q", "").strip(), _page(request)
        page: dict[str, Any] = {"title": "Zoho tokens", "q": words, "previous": number - 1}
        try:
            rows = list(islice(_found(words), (number - 1) * ON_A_PAGE, number * ON_A_PAGE + 1))
        except EvergrantError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            page["tokens"] = [self._shown(token, request) for token in rows[:ON_A_PAGE]]
            page["next"] = number + 1 if len(rows) > ON_A_PAGE else 0
        return self._answer(request, "tokens", page | (extra_context or {}))

    @method_decorator(csrf_protect)
    @method_decorator(never_cache)
    @method_decorator(require_http_methods(["GET", "POST"]))
    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to revoke; where that is the answer, do it."""
        if not self.has_delete_permission(request):
            raise PermissionDenied
        token = keeper().store.find_token_by_id(object_id)
        if token is None or not _is_ours(token):
            raise Http404("no such token of this project's client")
        there = HttpResponseRedirect(reverse("admin:evergrant_zohotoken_changelist"))
        if request.method != "POST":
            page = {"title": "Revoke this grant?", "token": self._shown(token, request)}
            return self._answer(request, "revoke", page)
        try:
            keeper().revoke(str(token.user_name))
        except EvergrantError as error:
            self.message_user(request, f"Not revoked: {error}", messages.ERROR)
            return there
        self.log_deletions(request, [ZohoToken(id=token.id, user_name=token.user_name)])
        self.message_user(request, f"Revoked: {token.user_name}", messages.SUCCESS)
        return there

    def _answer(self, request: HttpRequest, template: str, page: dict[str, Any]) -> HttpResponse:
        page |= {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/evergrant/{template}.html", page)

    def _shown(self, token: Token, request: HttpRequest) -> dict[str, Any]:
        return {
            "id": token.id,
            "user": token.user_name or "",
            "client": token.client_id or "",
            "state": state_of(token, keeper().accounts.clock()),
            "granted": token.created_at,
            "used": token.last_used_at,
            "may_be_revoked": _is_ours(token) and self.has_delete_permission(request),
        }


def _page(request: HttpRequest) -> int:
    number = request.GET.get("p", "")
    return max(1, int(number)) if number.isdecimal() and len(number) < len("1000000") else 1


def _found(words: str) -> Iterator[Token]:
    if exactly := keeper().store.find_users(words):
        return iter(exactly)  # by an index: a store may hold a million
    lower = words.lower()
    return (
        token for token in keeper().store.iter_tokens() if lower in (token.user_name or "").lower()
    )


def _is_ours(token: Token) -> bool:
    client = keeper().accounts.client
    return bool(token.user_name and client and token.client_id == client.client_id)
