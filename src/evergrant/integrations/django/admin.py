"""The tokens in Django's admin site: shows who is logged in with Zoho, and revokes grants."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from evergrant._text import printable
from evergrant.errors import EvergrantError
from evergrant.integrations.django.conf import keeper
from evergrant.integrations.django.models import Token as Listed
from evergrant.integrations.django.token_list import find_by_form_key, make_row, search
from evergrant.integrations.web import problem_for
from evergrant.token import Token

__all__ = ["TokenAdmin"]

PAGE_SIZE = 100
"""How many tokens are on a page: as many as in Django's own lists."""


@admin.register(Listed)
class TokenAdmin(admin.ModelAdmin):
    """Lists and revokes the tokens of the keeper's store, without showing secrets.

    The permission to view is ``evergrant.view_token``, that to revoke ``evergrant.delete_token``.
    """

    def get_urls(self) -> list[URLPattern]:
        """Return the only page: tokens come from logins, and are not edited."""
        view = self.admin_site.admin_view(self.changelist_view)  # with CSRF and no-store
        return [path("", view, name="evergrant_token_changelist")]

    def has_add_permission(self, _: HttpRequest) -> bool:
        """Return False: tokens are not added here."""
        return False

    def has_change_permission(self, _: HttpRequest, __: Any = None) -> bool:
        """Return False: tokens are not changed here."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List the tokens; revoke the chosen ones after a confirmation."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        more = extra_context or {}
        try:
            return (
                self._revoke_chosen(request)
                if request.method == "POST"
                else self._list(request, more)
            )
        except EvergrantError as error:
            problem = problem_for(error)
            status = max(problem.status, HTTPStatus.INTERNAL_SERVER_ERROR)
            more = {"problem": f"The token store cannot be read: {printable(str(error))}"}
            return self._render(request, "tokens", more, status)

    def _list(self, request: HttpRequest, more: dict[str, Any]) -> HttpResponse:
        wanted = request.GET.get("q", "").strip()
        listing, states = search(keeper().store, wanted), keeper().states
        page = Paginator(listing.tokens, PAGE_SIZE).get_page(request.GET.get("p"))
        page.object_list = [make_row(token, states) for token in page.object_list]
        shown = {
            "page": page,
            "links": _page_links(page, wanted),
            "wanted": printable(wanted),
            "corrupt": listing.corrupt,
            "is_cut": listing.is_cut,
            "may_revoke": self.has_delete_permission(request),
        }
        return self._render(request, "tokens", shown | more)

    def _revoke_chosen(self, request: HttpRequest) -> HttpResponse:
        if not self.has_delete_permission(request):
            raise PermissionDenied
        keys = dict.fromkeys(request.POST.getlist(ACTION_CHECKBOX_NAME))
        found = [token for key in keys if (token := find_by_form_key(keeper().store, key))]
        if len(found) < len(keys):
            gone = "Some of them are gone, or now belong to another user."
            self.message_user(request, gone, messages.WARNING)
        elif not keys:
            self.message_user(request, "Choose tokens to revoke.", messages.WARNING)
        if found and request.POST.get("confirmed") != "yes":
            rows = [make_row(token, keeper().states) for token in found]
            chosen = {"rows": rows, "name": ACTION_CHECKBOX_NAME}
            return self._render(request, "revoke", chosen)
        self._revoke(request, found)
        return HttpResponseRedirect(request.get_full_path())

    def _revoke(self, request: HttpRequest, tokens: Iterable[Token]) -> None:
        revoked = []
        for token in tokens:
            name = printable(token.user_name or "(no user)")
            try:
                keeper().revoke(token)
            except EvergrantError as error:
                told = f"Not revoked: {name}: {printable(str(error))}"
                self.message_user(request, told, messages.ERROR)
                if error.retryable:
                    break  # Zoho does not answer: the others would only wait for it too
            else:
                revoked.append(Listed(id=token.id, user_name=name))
        if revoked:
            self.log_deletions(request, revoked)
            names = ", ".join(map(str, revoked))
            self.message_user(request, f"Revoked: {names}", messages.SUCCESS)

    def _render(
        self, request: HttpRequest, name: str, more: dict[str, Any], status: int = HTTPStatus.OK
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        title = "Zoho tokens" if name == "tokens" else "Are you sure?"
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        page = f"evergrant/admin/{name}.html"
        return TemplateResponse(request, page, context | more, status=status)


def _page_links(page: Page, wanted: str) -> list[tuple[Any, str]]:
    """Return the page numbers to show, each with its query, or "" for a gap."""
    searched = {"q": wanted} if wanted else {}
    return [
        (number, "?" + urlencode(searched | {"p": number}) if isinstance(number, int) else "")
        for number in page.paginator.get_elided_page_range(page.number)
    ]
