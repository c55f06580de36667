"""A member of the staff at Django's admin site, as its own test client plays one."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from evergrant.token import Token
from tests.support.web.frameworks import set_up_django

__all__ = ["TOKENS", "Staff"]

TOKENS = "/admin/evergrant/token/"


class Staff:
    """Somebody who works with the admin site; CSRF is enforced.

    Args:
        rights: Permissions such as ``view_token``; None: a superuser.
    """

    def __init__(self, *rights: str, superuser: bool = False) -> None:
        set_up_django()
        from django.contrib.auth.models import Permission, User
        from django.test import Client

        make = User.objects.create_superuser if superuser else User.objects.create_user
        name = f"staff-{User.objects.count()}"
        self.user = make(name, is_staff=True)
        of_ours = Permission.objects.filter(content_type__app_label="evergrant")
        given = list(of_ours.filter(codename__in=rights))
        assert len(given) == len(rights), "migrate has made them"
        self.user.user_permissions.set(given)
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(self.user)

    def page(self, path: str = TOKENS, **query: Any) -> str:
        answer = self.client.get(path, query)
        assert answer.status_code == 200, answer.content
        text: str = answer.content.decode()
        return text

    def users(self, **query: Any) -> list[str]:
        """Return the users that a page of the list shows."""
        found = re.findall(r'<th class="field-user">(.*?)</th>', self.page(**query))
        return [unescape(name) for name in found]

    def states(self) -> list[str]:
        """Return how the list says that each token stands."""
        return re.findall(r'<td class="field-state">(.*?)</td>', self.page())

    def post(self, keys: list[str], *, csrf: bool = True, **more: str) -> Any:
        """Send a form of the list, or the one that asks to confirm."""
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', self.page()) if csrf else None
        form = {"_selected_action": keys} | ({"csrfmiddlewaretoken": token[1]} if token else {})
        return self.client.post(TOKENS, form | more)

    def revoke(self, *tokens: Token) -> Any:
        """Choose tokens, and confirm."""
        from evergrant.integrations.django.token_list import form_key

        keys = [form_key(token) for token in tokens]
        asked = self.post(keys)
        assert asked.status_code == 200, asked
        shown = asked.content.decode()
        confirmed = re.findall(r'name="_selected_action" value="([^"]+)"', shown)
        assert confirmed == keys
        return self.post(confirmed, confirmed="yes")
