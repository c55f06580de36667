"""The list of tokens in Django's admin site: who sees it, what it shows, who ends a grant."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from evergrant import Keeper, Token
from evergrant.errors import LoginRequired
from evergrant.sandbox import Client, Sandbox
from tests.support.web.django_staff import TOKENS, Staff
from tests.support.web.frameworks import set_up_django

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture(autouse=True)
def _django(keeper: Keeper) -> Iterator[None]:
    set_up_django()
    yield
    from django.contrib.auth.models import User
    from django.db import connections

    User.objects.all().delete()
    connections.close_all()


@pytest.fixture
def log_in(keeper: Keeper, zoho: Sandbox, client: Client) -> Callable[[str], Token]:
    def log_in(user: str) -> Token:
        return keeper.login_with_code(zoho.grant_code(user, client=client, self_client=True))

    return log_in


@pytest.fixture
def alice(log_in: Callable[[str], Token]) -> Token:
    return log_in(ALICE)


def planted(keeper: Keeper, *names: str) -> None:
    for number, name in enumerate(names):
        keeper.store.save_token(
            Token(user_name=name, client_id="1000.PLANTED", refresh_token=f"planted-{number}")
        )


def test_the_index_shows_it_to_whom_it_concerns(alice: Token) -> None:
    index = Staff("view_token").page("/admin/")
    assert f'href="{TOKENS}"' in index
    assert ">Tokens<" in index
    assert "Zoho" in index
    assert "token/add" not in index
    assert TOKENS in Staff(superuser=True).page("/admin/evergrant/")
    assert TOKENS not in Staff().page("/admin/")


def test_who_may_not_see_it_does_not(alice: Token) -> None:
    from django.test import Client

    assert Client().get(TOKENS).headers["location"].startswith("/admin/login/")
    for staff in (Staff(), Staff("delete_token")):
        assert staff.client.get(TOKENS).status_code == 403
        assert staff.client.post(TOKENS).status_code == 403


def test_nothing_that_it_shows_is_secret(alice: Token, keeper: Keeper) -> None:
    staff = Staff(superuser=True)
    from evergrant.integrations.django.token_list import form_key

    shown = [staff.page(), staff.post([form_key(alice)]).content.decode()]
    assert all(alice.user_name in page for page in shown if alice.user_name)
    assert "fresh" in shown[0]
    assert alice.api_domain
    assert alice.api_domain in shown[0]
    staff.revoke(alice)
    shown += [staff.page(), staff.page("/admin/")]
    for secret in (alice.access_token, alice.refresh_token, alice.client_secret):
        assert secret
        assert str.__str__(secret) not in "".join(shown)


def test_a_grant_that_zoho_has_ended_needs_a_login(
    alice: Token, log_in: Callable[[str], Token], keeper: Keeper, zoho: Sandbox
) -> None:
    from django.core.management import call_command

    log_in(BOB)
    staff = Staff("view_token")
    assert staff.states() == ["fresh", "fresh"]
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        keeper.refresh(ALICE)
    assert staff.states() == ["needs login", "fresh"]
    told = io.StringIO()
    call_command("zoho_tokens", stdout=told)
    alices, bobs = sorted(told.getvalue().splitlines())
    assert alices.endswith("needs login")
    assert bobs.endswith("fresh")
    log_in(ALICE)
    assert staff.states() == ["fresh", "fresh"]


def test_no_page_is_kept_by_a_cache_on_the_way(alice: Token) -> None:
    assert "no-store" in Staff("view_token").client.get(TOKENS).headers["cache-control"]


def test_a_search_finds_users_by_the_parts_of_their_names(keeper: Keeper) -> None:
    planted(keeper, "ann@acme.example:1", "Bob@acme.example:1", "ann@other.example:2")
    staff = Staff("view_token")
    assert staff.users(q="ANN") == ["ann@acme.example:1", "ann@other.example:2"]
    assert staff.users(q=" acme  ann ") == ["ann@acme.example:1"]
    assert staff.users(q="planted-0") == [], "what is secret is not searched"
    assert staff.users(q="carol") == []


def test_of_very_many_tokens_the_first_are_listed_and_any_user_is_found(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergrant.integrations.django.token_list.MAX_LISTED", 2)
    planted(keeper, "ann@a.example", "bob@a.example", "carol@a.example:7")
    staff = Staff("view_token")
    assert staff.users() == ["ann@a.example", "bob@a.example"]
    assert "more tokens than are listed" in staff.page()
    assert staff.users(q="carol@a.example") == ["carol@a.example:7"]
    assert "more tokens than are listed" not in staff.page(q="carol@a.example")


def test_a_long_list_comes_in_pages(keeper: Keeper) -> None:
    names = [f"user{number:03}@example.com" for number in range(205)]
    planted(keeper, *names)
    staff = Staff("view_token")
    assert staff.users() == names[:100]
    assert staff.users(p=3) == names[200:]
    assert staff.users(p=99) == staff.users(p=3)
    assert staff.users(p="x") == names[:100]
    links = re.findall(r'<a href="(\?[^"]*p=[^"]*)">', staff.page(q="user"))
    assert links == ["?q=user&amp;p=2", "?q=user&amp;p=3"]
    assert "205 tokens" in staff.page(p=2)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ opts }}{% debug %}",
        "a\x1b[2J\n\u202eb", "&lt;b&gt;", None,
    ],
)  # fmt: skip
def test_a_hostile_name_is_only_text(name: str | None, keeper: Keeper) -> None:
    saved = keeper.store.save_token(
        Token(user_name=name, client_id=name and f"{name}x", refresh_token="planted")
    )
    staff = Staff(superuser=True)
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name or "")
    assert staff.users() == [shown or "(no user)"]
    from evergrant.integrations.django.token_list import form_key

    pages = [staff.page(), staff.post([form_key(saved)]).content.decode(), staff.page(q=name or "")]
    staff.revoke(saved)
    pages += [staff.page(), staff.page("/admin/")]
    for page in pages:
        assert not re.search("<script>alert|<img src=x|\x1b|\u202e|<b>", page)


def test_a_revocation_takes_the_right_a_form_of_ours_and_a_confirmation(
    alice: Token, keeper: Keeper, zoho: Sandbox
) -> None:
    from evergrant.integrations.django.token_list import form_key

    key = form_key(alice)
    viewer, staff = Staff("view_token"), Staff("view_token", "delete_token")
    assert "Revoke" not in viewer.page()
    assert viewer.post([key], confirmed="yes").status_code == 403
    assert staff.post([key], csrf=False, confirmed="yes").status_code == 403
    query = {"_selected_action": key, "confirmed": "yes"}
    assert staff.client.get(TOKENS, query).status_code == 200
    assert staff.post([key]).status_code == 200
    assert keeper.store.get_tokens() == [alice]
    assert zoho.calls.count(path="/oauth/v2/token/revoke") == 0
    answer = staff.revoke(alice)
    assert (answer.status_code, answer.headers["location"]) == (302, TOKENS)
    assert f"Revoked: {alice.user_name}" in staff.page()
    assert keeper.store.get_tokens() == []
    assert zoho.calls.count(path="/oauth/v2/token/revoke") == 1
    assert alice.user_name
    assert alice.user_name in staff.page("/admin/"), "among the recent actions"


def test_only_those_chosen_are_revoked(
    keeper: Keeper, alice: Token, log_in: Callable[[str], Token]
) -> None:
    bob = log_in(BOB)
    Staff(superuser=True).revoke(bob)
    assert keeper.store.get_tokens() == [alice]


def test_a_token_of_another_client_or_of_nobody_is_revoked_too(
    alice: Token, keeper: Keeper, zoho: Sandbox
) -> None:
    other = keeper.store.save_token(
        replace(alice, id=None, version=0, client_id="1000.OTHER", refresh_token="planted-other")
    )
    nobody = keeper.store.save_token(Token(client_id="1000.X", refresh_token="planted-nobody"))
    Staff(superuser=True).revoke(other, nobody)
    assert keeper.store.get_tokens() == [alice]


def test_the_row_of_somebody_else_by_now_is_left_alone(
    keeper: Keeper, alice: Token, zoho: Sandbox
) -> None:
    keeper.store.delete_tokens()
    carol = keeper.store.save_token(
        Token(id=alice.id, user_name="carol", client_id=alice.client_id, refresh_token="planted")
    )
    from evergrant.integrations.django.token_list import form_key

    staff = Staff(superuser=True)
    for keys in ([form_key(alice)], ["x\x00.y", ".", "", "9" * 500], []):
        answer = staff.post(keys, confirmed="yes")
        assert answer.status_code == 302
        assert "messagelist" in staff.page()
    assert keeper.store.get_tokens() == [carol]


def test_a_zoho_that_does_not_answer_is_asked_once_and_told(
    alice: Token, keeper: Keeper, zoho: Sandbox, log_in: Callable[[str], Token]
) -> None:
    bob = log_in(BOB)
    staff = Staff(superuser=True)
    zoho.faults.server_error(path="/oauth/v2/token/revoke", times=None)
    assert staff.revoke(alice, bob).status_code == 302
    page = staff.page()
    assert f"Not revoked: {alice.user_name}" in page
    assert f"Not revoked: {bob.user_name}" not in page
    assert len(keeper.store.get_tokens()) == 2


def test_a_store_that_is_gone_is_told(
    alice: Token, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergrant.errors import StoreUnavailable

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("<gone>")

    monkeypatch.setattr(keeper.store, "iter_tokens", gone)
    answer = Staff(superuser=True).client.get(TOKENS)
    assert answer.status_code == 503
    assert "cannot be read: &lt;gone&gt;" in answer.content.decode()


def test_whoever_goes_through_all_models_asks_for_no_table(alice: Token) -> None:
    from django.core.management import call_command

    for more in ([], ["--all"]):
        told = io.StringIO()
        call_command("dumpdata", "evergrant", *more, stdout=told)
        assert told.getvalue().strip() == "[]"
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
