"""Logging in by browser, and everything that may come to the redirect's address instead."""

from __future__ import annotations

import socket
from urllib.parse import parse_qs, urlsplit

import pytest

from evergrant.cli import login as login_module
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, BOB, CAROL, Command
from tests.support.web.fake_browser import Browser, by_browser


@pytest.fixture
def browser(zoho: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser(zoho)
    monkeypatch.setattr("webbrowser.open", browser.open)
    return browser


def test_a_user_logs_in_by_browser(
    run: Command, zoho: Sandbox, browser: Browser, store: TokenStore
) -> None:
    code, said = by_browser(run, zoho, browser)
    assert code == 0, said
    (token,) = store.get_tokens()
    assert token.user_name == f"{ALICE}:{zoho.user(ALICE).orgs[0].zgid}"
    for text in (f"logged in: {token.user_name}", "ZohoCRM.modules.ALL", ": us", store.url):
        assert text in said
    (page,) = browser.pages
    assert page.status_code == 200
    assert "You can close this window" in page.text
    for secret in (token.access_token, token.refresh_token, token.grant_token):
        assert str.__str__(secret) not in said + page.text


def test_the_page_is_nobody_elses_to_keep_or_to_read(
    run: Command, zoho: Sandbox, browser: Browser
) -> None:
    by_browser(run, zoho, browser)
    headers = browser.pages[0].headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "Python" not in headers["server"]


def test_the_users_own_data_center_is_found(
    run: Command, zoho: Sandbox, browser: Browser, store: TokenStore
) -> None:
    browser.user = CAROL
    code, said = by_browser(run, zoho, browser, "--data-center", "eu")
    assert code == 0, said
    assert "data center: eu" in said
    assert store.get_tokens()[0].api_domain == zoho.data_center("eu").api_url


def test_only_the_scopes_that_are_named_are_asked_for(
    run: Command, zoho: Sandbox, browser: Browser
) -> None:
    wanted = ("--scope", "ZohoCRM.modules.READ,ZohoCRM.org.READ", "--scope", "ZohoCRM.users.ALL")
    assert by_browser(run, zoho, browser, *wanted, "--prompt-consent")[0] == 0
    query = parse_qs(urlsplit(browser.opened[0]).query)
    assert query["scope"] == ["ZohoCRM.modules.READ,ZohoCRM.org.READ,ZohoCRM.users.ALL"]
    assert query["prompt"] == ["consent"]


def test_everything_but_the_redirect_is_not_found_and_the_wait_goes_on(
    run: Command, zoho: Sandbox, browser: Browser
) -> None:
    seen: dict[str, int] = {}

    def wander(redirect: str) -> None:
        base = redirect.partition("/callback")[0]
        query = urlsplit(redirect).query
        for path in (
            "/",
            "/favicon.ico",
            f"/callback/?{query}",
            f"/callbac?{query}",
            "/callback/x",
        ):
            seen[path] = browser.get(f"{base}{path}").status_code
        for method in ("POST", "HEAD", "PUT", "OPTIONS"):
            seen[method] = browser.get(redirect, method).status_code

    browser.before = wander
    assert by_browser(run, zoho, browser)[0] == 0
    assert len(seen) == 9
    assert set(seen.values()) == {404, 501}
    assert {seen[method] for method in ("POST", "HEAD", "PUT", "OPTIONS")} == {501}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=stolen",
        "code=stolen&state=",
        "code=stolen&state=guessed",
        "code=stolen&state=%ff%fe",
        "error=access_denied&state=guessed",
        "state={state}&state={state}&code=stolen",
    ],
)
def test_a_redirect_with_a_wrong_state_is_refused_and_the_wait_goes_on(
    run: Command, zoho: Sandbox, browser: Browser, store: TokenStore, query: str
) -> None:
    def attack(redirect: str) -> None:
        state = parse_qs(urlsplit(redirect).query)["state"][0]
        forged = redirect.partition("?")[0] + "?" + query.format(state=state)
        assert browser.get(forged).status_code == 400

    browser.before = attack
    code, said = by_browser(run, zoho, browser)
    assert code == 0
    assert "does not belong to this login" in said
    assert len(store.get_tokens()) == 1
    assert zoho.calls.count(grant_type="authorization_code") == 1


def test_a_connection_that_says_nothing_holds_nobody_up(
    run: Command, zoho: Sandbox, browser: Browser
) -> None:
    silent: list[socket.socket] = []

    def connect(redirect: str) -> None:
        silent.append(socket.create_connection(("127.0.0.1", urlsplit(redirect).port or 0)))

    browser.before = connect
    assert by_browser(run, zoho, browser)[0] == 0
    silent[0].close()


def test_a_redirect_that_names_a_strangers_server_is_refused_and_sends_nothing(
    run: Command, zoho: Sandbox, browser: Browser, store: TokenStore
) -> None:
    def attack(redirect: str) -> None:
        parts = urlsplit(redirect)
        query = parse_qs(parts.query)
        browser.get(
            f"{redirect.partition('?')[0]}?code={query['code'][0]}&state={query['state'][0]}"
            "&location=us&accounts-server=https%3A%2F%2Faccounts.zoho.com.evil.example"
        )

    browser.visit = lambda url: attack(zoho.consent(url, ALICE))  # type: ignore[method-assign]
    code, said = by_browser(run, zoho, browser)
    assert code == 7
    assert "not an accounts server of Zoho" in said
    assert "login failed" in browser.pages[0].text
    assert zoho.calls.count(grant_type="authorization_code") == 0
    assert store.get_tokens() == []


def test_a_user_who_says_no_is_told_so(
    run: Command, zoho: Sandbox, browser: Browser, store: TokenStore
) -> None:
    browser.allow = False
    code, said = by_browser(run, zoho, browser)
    assert code == 4
    assert "without a code (access_denied)" in said
    assert store.get_tokens() == []


def test_a_login_that_the_command_would_forget_does_not_begin(
    run: Command, zoho: Sandbox, browser: Browser
) -> None:
    result = run("login", f"--sandbox={zoho.url}", "--store", "memory:")
    assert (result.exit_code, browser.opened) == (2, [])
    assert "is lost when the command ends" in result.stderr


def test_another_user_than_the_expected_one_is_told_so(
    run: Command, zoho: Sandbox, browser: Browser
) -> None:
    browser.user = BOB
    code, said = by_browser(run, zoho, browser, "--user", ALICE)
    assert code == 4
    assert f"not {ALICE}" in said


def test_nobody_coming_back_ends_the_wait(
    run: Command, zoho: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_module, "LOGIN_TIMEOUT_S", 0.01)
    monkeypatch.setattr("webbrowser.open", lambda _url: True)
    result = run("login", f"--sandbox={zoho.url}")
    assert result.exit_code == 4
    assert "the user did not come back from Zoho within" in result.stderr


def test_without_a_browser_the_address_is_printed(
    run: Command, zoho: Sandbox, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: not browser.open(url))
    code, said = by_browser(run, zoho, browser)
    assert code == 0
    assert "Open this address in a browser on this machine" in said
    assert browser.opened[0] in said


def test_a_second_login_asks_for_consent_by_itself(
    run: Command, zoho: Sandbox, browser: Browser, store: TokenStore
) -> None:
    assert by_browser(run, zoho, browser)[0] == 0
    store.delete_tokens()
    browser.pages.clear()
    code, said = by_browser(run, zoho, browser)
    assert code == 0, said
    assert "It asks once more" in said
    assert store.get_tokens()[0].refresh_token
    first, last = browser.pages
    assert "prompt=consent" in first.headers["location"]
    assert "You are logged in" in last.text


def test_a_scope_that_is_none_is_refused_before_the_browser_opens(
    run: Command, zoho: Sandbox, browser: Browser
) -> None:
    for scope in ("ZohoCRM.modules.ALL;x", "a&scope=b"):
        result = run("login", f"--sandbox={zoho.url}", "--scope", scope)
        assert result.exit_code != 0
        assert "is no scope" in result.stderr
    assert browser.opened == []
