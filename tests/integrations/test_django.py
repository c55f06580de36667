"""What is Django's alone: its checks, the list in its admin site, the command, its error pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from html import escape
from typing import Any

import pytest

from evergrant import Keeper, Token
from evergrant.errors import StoreUnavailable
from evergrant.sandbox import Sandbox
from web_frameworks import FRAMEWORKS
from web_visitor import Visitor

ALICE = "alice@example.com"
LIST = "/admin/evergrant/zohotoken/"
VIEW, DELETE = "view_zohotoken", "delete_zohotoken"


@pytest.fixture
def alice(keeper: Keeper, port: int, zoho: Sandbox) -> Iterator[Visitor]:
    with FRAMEWORKS["django"](keeper, port) as url:
        visitor = Visitor(url, zoho)
        yield visitor
        visitor.browser.close()


def staff(visitor: Visitor, *permissions: str) -> None:
    """Log a member of the staff in, as Django's admin does."""
    from django.contrib.auth.models import Permission, User

    name = "-".join(("clerk", *permissions))
    if not User.objects.filter(username=name).exists():
        user = User.objects.create_user(name, password="planted-staff", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    page = visitor.get("/admin/login/")
    form = {"username": name, "password": "planted-staff", "csrfmiddlewaretoken": csrf(page.text)}
    answer = visitor.browser.post("/admin/login/?next=/admin/", data=form)
    assert answer.status_code == 302, answer.text


def csrf(page: str) -> str:
    return page.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]


def revoke(visitor: Visitor, id_: str) -> Any:
    """Answer yes where the admin site asks whether to revoke."""
    page = visitor.get(f"{LIST}{id_}/revoke/")
    return visitor.browser.post(
        f"{LIST}{id_}/revoke/", data={"csrfmiddlewaretoken": csrf(page.text)}
    )


def test_the_admin_site_lists_who_is_logged_in_and_no_secret(
    alice: Visitor, keeper: Keeper
) -> None:
    alice.log_in(ALICE)
    assert alice.get(LIST).status_code == 302, "not for everybody"
    staff(alice)
    assert alice.get(LIST).status_code == 403, "not for all the staff"
    alice.browser.cookies.clear()
    staff(alice, VIEW)
    assert LIST in alice.get("/admin/").text, "it stands in the index"
    page = alice.get(LIST).text
    assert ALICE in page
    assert "fresh" in page
    assert "/revoke/" not in page
    (token,) = keeper.store.get_tokens()
    for secret in (token.access_token, token.refresh_token, token.client_secret):
        assert str.__str__(secret or "?") not in page


def test_only_who_may_delete_revokes_after_a_question(alice: Visitor, keeper: Keeper) -> None:
    from django.contrib.admin.models import LogEntry

    alice.log_in(ALICE)
    (token,) = keeper.store.get_tokens()
    id_ = str(token.id)
    staff(alice, VIEW)
    assert alice.get(f"{LIST}{id_}/revoke/").status_code == 403
    assert revoke(alice, id_).status_code == 403
    alice.browser.cookies.clear()
    staff(alice, VIEW, DELETE)
    assert f"{LIST}{id_}/revoke/" in alice.get(LIST).text
    assert ALICE in alice.get(f"{LIST}{id_}/revoke/").text
    assert alice.browser.post(f"{LIST}{id_}/revoke/").status_code == 403, "CSRF"
    assert keeper.store.get_tokens() == [token]
    assert revoke(alice, id_).status_code == 302
    assert keeper.store.get_tokens() == []
    assert f"Revoked: {ALICE}" in alice.get(LIST).text
    assert [entry.object_repr for entry in LogEntry.objects.filter(object_id=id_)] == [
        token.user_name
    ]
    for gone in (id_, "no/such"):
        assert alice.get(f"{LIST}{gone}/revoke/").status_code == 404


def test_a_grant_that_zoho_does_not_end_stays(
    alice: Visitor, keeper: Keeper, zoho: Sandbox
) -> None:
    alice.log_in(ALICE)
    staff(alice, VIEW, DELETE)
    zoho.faults.server_error(path="/oauth/", times=None)
    revoke(alice, str(keeper.store.get_tokens()[0].id))
    assert "Not revoked" in alice.get(LIST).text
    assert len(keeper.store.get_tokens()) == 1


def test_the_list_is_searched_and_paged_and_shows_any_name_as_text(
    alice: Visitor, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergrant.integrations.django import admin

    monkeypatch.setattr(admin, "ON_A_PAGE", 2)
    names = ["<script>alert(1)</script>", "carol@example.com:7", "dave@example.com", "eve&q=1"]
    for name in names:
        keeper.store.save_token(Token(user_name=name, client_id="another", refresh_token=name))
    staff(alice, VIEW, DELETE)

    def shown(**query: str) -> list[str]:
        page = alice.browser.get(LIST, params=query).text
        assert "<script>alert(1)" not in page
        assert "/revoke/" not in page, "another client's"
        rows = page.partition("<tbody>")[2].partition("</tbody>")[0]
        return [name for name in names if escape(name) in rows]

    assert shown() == names[:2]
    assert shown(p="2") == names[2:]
    assert shown(p="3") == shown(p="-1" * 40)[2:] == []
    assert shown(q="EXAMPLE.com") == names[1:3]
    assert shown(q="carol@example.com") == ["carol@example.com:7"]
    assert shown(q="eve&q=1") == ["eve&q=1"]
    assert shown(q="nobody") == []


def test_a_store_that_is_gone_is_told_on_the_page(
    alice: Visitor, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff(alice, VIEW)

    def gone(*_: object) -> Any:
        raise StoreUnavailable("the database does not answer")

    monkeypatch.setattr(keeper.store, "iter_tokens", gone)
    page = alice.get(LIST)
    assert page.status_code == 200
    assert "he database does not answer" in page.text
    assert "Nobody" not in page.text


def test_the_command_lists_and_revokes(alice: Visitor, keeper: Keeper) -> None:
    from django.core.management import CommandError, call_command

    alice.log_in(ALICE)
    told = io.StringIO()
    call_command("zoho_tokens", stdout=told)
    assert told.getvalue().startswith(ALICE)
    assert told.getvalue().endswith("fresh\n")
    keeper.store.save_token(Token(user_name="\x1b]0;mallory\x07", refresh_token="m"))
    call_command("zoho_tokens", stdout=told)
    assert "mallory" in told.getvalue()
    assert "\x1b" not in told.getvalue()
    keeper.store.delete_token(str(keeper.store.find_users("\x1b]0;mallory\x07")[0].id))
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
