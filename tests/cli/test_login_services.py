"""``evergrant login --service``: what is asked for, and who logs in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from evergrant.sandbox import Sandbox
from evergrant.services import SERVICES
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import Command


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, zoho: Sandbox) -> list[str]:
    """The addresses that the browser is sent to; alice allows what they ask for."""
    seen: list[str] = []

    def browse(url: str) -> bool:
        seen.append(url)
        import threading
        import urllib.request

        redirect = zoho.consent(url, user="alice@example.com")
        threading.Thread(target=urllib.request.urlopen, args=(redirect,), daemon=True).start()
        return True

    monkeypatch.setattr("webbrowser.open", browse)
    return seen


def asked(url: str) -> set[str]:
    return set(parse_qs(urlsplit(url).query)["scope"][0].split(","))


def test_the_scopes_of_the_services_are_asked_for(
    run: Command, zoho: Sandbox, store: TokenStore, opened: list[str]
) -> None:
    done = run("login", f"--sandbox={zoho.url}", "--service", "desk,books")
    assert done.exit_code == 0, done.output
    wanted = {*SERVICES["desk"].default_scopes, *SERVICES["books"].default_scopes}
    assert asked(opened[0]) == wanted | {"AaaServer.profile.READ"}
    (token,) = store.get_tokens()
    assert token.user_name == "alice@example.com"
    assert run("api", "desk:/tickets").exit_code == 0
    assert run("api", "books:/invoices").exit_code == 0


@pytest.mark.parametrize(
    ("named", "said"),
    [("dekc", "no service 'dekc'"), ("desk,catalyst", "Zoho Catalyst needs is not in the table")],
)
def test_what_is_no_service_is_told_before_the_browser_opens(
    run: Command, zoho: Sandbox, opened: list[str], named: str, said: str
) -> None:
    done = run("login", f"--sandbox={zoho.url}", "--service", named)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not opened
