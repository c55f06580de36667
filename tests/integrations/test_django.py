"""What is Django's alone: its checks, the staff's list of tokens, the command, its error pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from evergrant import Keeper
from evergrant.sandbox import Sandbox
from web_frameworks import FRAMEWORKS
from web_visitor import Visitor

ALICE = "alice@example.com"


@pytest.fixture
def alice(keeper: Keeper, port: int, zoho: Sandbox) -> Iterator[Visitor]:
    with FRAMEWORKS["django"](keeper, port) as url:
        visitor = Visitor(url, zoho)
        yield visitor
        visitor.browser.close()


def staff(visitor: Visitor, *, superuser: bool) -> None:
    """Log a member of the staff in, as Django's admin does."""
    from django.contrib.auth.models import User

    name = "root" if superuser else "clerk"
    if not User.objects.filter(username=name).exists():
        make = User.objects.create_superuser if superuser else User.objects.create_user
        make(name, password="planted-staff", is_staff=True)
    page = visitor.get("/admin/login/")
    token = page.text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = {"username": name, "password": "planted-staff", "csrfmiddlewaretoken": token}
    answer = visitor.browser.post("/admin/login/?next=/zoho/tokens", data=form)
    assert answer.status_code == 302, answer.text


def revoke(visitor: Visitor, user: str) -> Any:
    page = visitor.get("/zoho/tokens")
    token = page.text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = {"revoke": user, "csrfmiddlewaretoken": token}
    return visitor.browser.post("/zoho/tokens", data=form)


def test_the_staff_sees_who_is_logged_in_and_no_secret(alice: Visitor, keeper: Keeper) -> None:
    alice.log_in(ALICE)
    assert alice.get("/zoho/tokens").status_code == 302, "not for everybody"
    staff(alice, superuser=False)
    page = alice.get("/zoho/tokens").text
    assert ALICE in page
    assert "fresh" in page
    (token,) = keeper.store.get_tokens()
    for secret in (token.access_token, token.refresh_token, token.client_secret):
        assert str.__str__(secret or "?") not in page


def test_only_a_superuser_revokes(alice: Visitor, keeper: Keeper) -> None:
    alice.log_in(ALICE)
    name = keeper.store.get_tokens()[0].user_name or ""
    staff(alice, superuser=False)
    assert revoke(alice, name).status_code == 403
    assert len(keeper.store.get_tokens()) == 1
    alice.browser.cookies.clear()
    staff(alice, superuser=True)
    assert alice.browser.post("/zoho/tokens", data={"revoke": name}).status_code == 403, "CSRF"
    assert revoke(alice, name).status_code == 302
    assert keeper.store.get_tokens() == []


def test_the_command_lists_and_revokes(alice: Visitor, keeper: Keeper) -> None:
    from django.core.management import CommandError, call_command

    alice.log_in(ALICE)
    told = io.StringIO()
    call_command("zoho_tokens", stdout=told)
    assert told.getvalue().startswith(ALICE)
    assert told.getvalue().endswith("fresh\n")
    call_command("zoho_tokens", "--revoke", ALICE, stdout=told)
    assert keeper.store.get_tokens() == []
    with pytest.raises(CommandError, match="no token for this user"):
        call_command("zoho_tokens", "--revoke", ALICE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "is not set"),
        ({}, "lacks STORE"),
        ({"STOER": "x"}, "unknown key 'STOER'"),
        ({"KEEPER": "a.b", "SCOPES": "ZohoCRM.modules.ALL"}, "a list of texts"),
        ({"KEEPER": "a.b", "SCOPES": ["ZohoCRM.modules.ALL"]}, ""),
    ],
)
def test_wrong_settings_are_found_by_check(alice: Visitor, given: object, said: str) -> None:
    from django.test import override_settings

    from evergrant.integrations.django.keeping import check

    with override_settings(EVERGRANT=given):
        found = " ".join(problem.msg for problem in check())
    assert said in found
    assert bool(found) is bool(said)


def test_an_error_page_for_developers_shows_no_secret(alice: Visitor, keeper: Keeper) -> None:
    """Django's shows local variables."""
    from django.test import RequestFactory, override_settings
    from django.views.debug import technical_500_response

    alice.log_in(ALICE)
    (token,) = keeper.store.get_tokens()
    with pytest.raises(ZeroDivisionError) as caught:
        str(1 / len(str(token)[:0]))
    with override_settings(DEBUG=True):
        page = technical_500_response(
            RequestFactory().get("/"), caught.type, caught.value, caught.tb
        )
    text = page.content.decode()
    assert "Token(id=" in text
    for secret in (token.access_token, token.refresh_token, token.client_secret):
        assert str.__str__(secret or "?") not in text
