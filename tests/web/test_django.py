"""What is Django's alone: its checks, the keeper of a process, the command, its error pages."""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
from collections.abc import Iterator
from importlib import import_module

import pytest

from evergrant import Keeper, Token
from evergrant.sandbox import Sandbox
from tests.support.web.frameworks import FRAMEWORKS
from tests.support.web.visitor import Visitor

ALICE = "alice@example.com"


@pytest.fixture
def alice(keeper: Keeper, door: socket.socket, zoho: Sandbox) -> Iterator[Visitor]:
    with FRAMEWORKS["django"](keeper, door, "") as url:
        visitor = Visitor(url, zoho)
        yield visitor
        visitor.browser.close()


def test_a_fork_while_the_keeper_is_made_leaves_the_child_one(
    alice: Visitor, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evergrant.integrations.django import conf

    parent, making, go_on = os.getpid(), threading.Event(), threading.Event()

    def make(_: object) -> Keeper:
        making.set()
        assert os.getpid() != parent or go_on.wait(60)
        return keeper

    monkeypatch.setattr(conf, "_make_keeper", make)
    conf._keepers.clear()
    thread = threading.Thread(target=conf.keeper)
    thread.start()
    assert making.wait(60)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        os._exit(conf.keeper() is not keeper)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    go_on.set()
    thread.join()
    assert status == 0


def test_the_former_list_leads_to_that_of_the_admin_site(alice: Visitor) -> None:
    assert alice.get("/zoho/tokens").headers["location"] == "/admin/evergrant/token/"
    csrf = {"Sec-Fetch-Site": "same-origin"}
    assert alice.browser.post("/zoho/tokens", data={}, headers=csrf).status_code in (403, 405)


@pytest.mark.parametrize("name", ["admin", "conf", "models"])
def test_what_needs_a_project_offers_what_it_says(alice: Visitor, name: str) -> None:
    module = import_module(f"evergrant.integrations.django.{name}")
    assert len(set(module.__all__)) == len(module.__all__) > 0
    assert [one for one in module.__all__ if not hasattr(module, one)] == []


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


def test_the_command_lets_no_name_steer_the_terminal(alice: Visitor, keeper: Keeper) -> None:
    from django.core.management import CommandError, call_command

    name = "mallory\x1b[2J\n\u202egrant"
    keeper.store.save_token(Token(user_name=name, client_id="x\x07", refresh_token="planted"))
    told = io.StringIO()
    call_command("zoho_tokens", stdout=told)
    assert told.getvalue() == "mallory\ufffd[2J\ufffd\ufffdgrant  x\ufffd  expired\n"
    with pytest.raises(CommandError) as refused:
        call_command("zoho_tokens", "--revoke", name)
    assert "\x1b" not in str(refused.value)
    ours = keeper.accounts.require_client().client_id
    keeper.store.save_token(Token(user_name=name, client_id=ours, refresh_token="planted-2"))
    call_command("zoho_tokens", "--revoke", name, stdout=told)
    assert "\x1b" not in told.getvalue()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "is not set"),
        ({}, "lacks STORE"),
        ({"STOER": "x"}, "unknown key 'STOER'"),
        ({"KEEPER": "a.b", "SCOPES": "ZohoCRM.modules.ALL"}, "a list of strings"),
        ({"KEEPER": "a.b", "SCOPES": ["ZohoCRM.modules.ALL"]}, ""),
    ],
)
def test_wrong_settings_are_found_by_check(alice: Visitor, given: object, said: str) -> None:
    from django.test import override_settings

    from evergrant.integrations.django.conf import check

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
