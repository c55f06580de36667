"""Logging in: by browser, by paste, with a self client's code; and everything that may go wrong."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from cli_runner import ALICE, BOB, CAROL, Command
from evergrant.cli import login as login_module
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore

Browse = Callable[[str], None]


class Browser:
    """Stands in for the user's browser: opens in a thread what `webbrowser.open` is given."""

    def __init__(self, zoho: Sandbox) -> None:
        self.zoho = zoho
        self.user = ALICE
        self.allow = True
        self.before: Browse = lambda _redirect: None
        self.pages: list[httpx2.Response] = []
        self.opened: list[str] = []
        self.thread = threading.Thread()

    def open(self, url: str) -> bool:
        self.opened.append(url)
        self.thread = threading.Thread(target=self.visit, args=(url,))
        self.thread.start()
        return True

    def visit(self, url: str) -> None:
        redirect = self.zoho.consent(url, self.user, allow=self.allow)
        self.before(redirect)
        self.get(redirect)

    def get(self, url: str, method: str = "GET") -> httpx2.Response:
        page = httpx2.request(method, url, trust_env=False)
        self.pages.append(page)
        return page


@pytest.fixture
def browser(zoho: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser(zoho)
    monkeypatch.setattr("webbrowser.open", browser.open)
    return browser


def by_browser(run: Command, zoho: Sandbox, browser: Browser, *more: str) -> tuple[int, str]:
    result = run("login", f"--sandbox={zoho.url}", *more)
    browser.thread.join()
    assert result.stdout == ""
    return result.exit_code, result.stderr


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
    assert by_browser(run, zoho, browser, *wanted, "--consent-again")[0] == 0
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
    assert "does not answer this login" in said
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
    assert "without a code" in said
    assert store.get_tokens() == []


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
    monkeypatch.setattr(login_module, "WAIT", 0.01)
    monkeypatch.setattr("webbrowser.open", lambda _url: True)
    result = run("login", f"--sandbox={zoho.url}")
    assert result.exit_code == 2
    assert "nobody came back from Zoho within" in result.stderr


def test_without_a_browser_the_address_is_printed(
    run: Command, zoho: Sandbox, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: not browser.open(url))
    code, said = by_browser(run, zoho, browser)
    assert code == 0
    assert "Open this address in a browser:" in said
    assert browser.opened[0] in said


def real(home: Path, redirect_url: str) -> dict[str, str]:
    """Settings of a client at the real Zoho, which no test gets as far as asking."""
    return {
        "EVERGRANT_HOME": str(home),
        "EVERGRANT_CLIENT_ID": "1000.X",
        "EVERGRANT_CLIENT_SECRET": "canary-secret",
        "EVERGRANT_REDIRECT_URL": redirect_url,
    }


def test_a_taken_port_is_a_clear_error(
    run: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/callback"
        for name, value in real(home, url).items():
            monkeypatch.setenv(name, value)
        result = run("login")
    assert result.exit_code == 2
    assert "cannot be opened: Address already in use" in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com/callback",
        "http://127.0.0.1/callback",
        "http://0.0.0.0:8780/callback",
        "https://127.0.0.1:8780/callback",
        "http://[::1",
        "http://127.0.0.1:65536/callback",
        "callback",
    ],
)
def test_a_redirect_url_that_leads_elsewhere_is_a_clear_error(
    run: Command, home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    for name, value in real(home, url).items():
        monkeypatch.setenv(name, value)
    result = run("login")
    assert result.exit_code == 2
    assert "--no-browser" in result.stderr


def test_login_without_a_client_says_where_to_get_one(run: Command) -> None:
    result = run("login")
    assert result.exit_code == 2
    assert "https://api-console.zoho.com" in result.stderr
    assert "EVERGRANT_CLIENT_ID" in result.stderr
    assert "http://127.0.0.1:8780/callback" in result.stderr


def test_a_missing_secret_is_not_guessed(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.X")
    result = run("login", "--self-client")
    assert result.exit_code == 2
    assert "no client secret" in result.stderr


def test_an_unknown_data_center_is_refused_with_the_known_ones(run: Command, zoho: Sandbox) -> None:
    result = run("login", f"--sandbox={zoho.url}", "--data-center", "mars")
    assert result.exit_code == 2
    assert "us, eu" in result.stderr


def test_a_self_clients_code_comes_from_stdin(
    run: Command, zoho: Sandbox, store: TokenStore
) -> None:
    code = zoho.grant_code(ALICE, self_client=True)
    result = run("login", "--self-client", f"--sandbox={zoho.url}", stdin=f"  {code}\n")
    assert result.exit_code == 0
    assert f"logged in: {ALICE}" in result.stderr
    assert code not in result.output
    again = run("login", "--self-client", f"--sandbox={zoho.url}", stdin=code)
    assert again.exit_code == 4
    assert "used, is too old" in again.stderr
    assert code not in again.output
    assert len(store.get_tokens()) == 1


def test_a_self_client_without_a_code_is_an_error(run: Command, zoho: Sandbox) -> None:
    result = run("login", "--self-client", f"--sandbox={zoho.url}", stdin="\n")
    assert result.exit_code == 2
    assert "no code" in result.stderr


def test_a_grant_without_a_refresh_token_says_how_to_get_one(run: Command, zoho: Sandbox) -> None:
    code = zoho.grant_code(ALICE, offline=False)
    result = run("login", "--self-client", f"--sandbox={zoho.url}", stdin=code)
    assert result.exit_code == 4
    assert "--consent-again" in result.stderr


def test_a_key_of_ones_own_names_the_user(run: Command, zoho: Sandbox) -> None:
    code = zoho.grant_code(ALICE)
    arguments = ("login", "--self-client", f"--sandbox={zoho.url}", "--user", "tenant-7")
    assert run(*arguments, stdin=code).exit_code == 0
    assert run("token", "tenant-7").exit_code == 0


@pytest.mark.parametrize("option", ["--client-secret", "--secret", "--code", "--grant-token"])
def test_no_option_takes_a_secret(run: Command, option: str) -> None:
    result = run("login", option, "canary")
    assert result.exit_code == 2
    assert "No such option" in result.stderr


@contextmanager
def start(zoho: Sandbox, *more: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Begin a login in a process of its own, which does not outlive the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "evergrant", "login", f"--sandbox={zoho.url}", *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def printed_url(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return next(line.strip() for line in process.stderr if line.startswith("  http"))


def test_the_redirect_can_be_pasted(home: Path, zoho: Sandbox) -> None:
    with start(zoho, "--no-browser") as process:
        assert process.stdin is not None
        redirect = zoho.consent(printed_url(process))
        process.stdin.write(f"\nhttps://elsewhere.example/?code=1&state=2\n{redirect}\n")
        process.stdin.flush()
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait() == 0, said
    assert "does not answer this login" in said
    assert f"logged in: {ALICE}" in said


def test_without_a_browser_the_redirect_still_finds_its_way(home: Path, zoho: Sandbox) -> None:
    with start(zoho, "--no-browser") as process:
        page = httpx2.get(zoho.consent(printed_url(process)), trust_env=False)
        assert page.status_code == 200
        _, said = process.communicate()
        assert process.returncode == 0, said


def test_a_paste_that_never_comes_ends_the_wait_where_nothing_else_can(
    home: Path, run: Command
) -> None:
    environment = real(home, "https://app.example.com/callback")
    result = run.process("login", "--no-browser", environment=environment)
    assert result.returncode == 2
    assert b"no address was pasted" in result.stderr
    assert b"canary" not in result.stderr


def test_the_browser_of_the_environment_is_opened(
    home: Path, zoho: Sandbox, tmp_path: Path
) -> None:
    script, opened = tmp_path / "browser", tmp_path / "opened"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    with start(zoho, BROWSER=str(script)) as process:
        url = printed_url(process)
        assert opened.read_text() == url
        httpx2.get(zoho.consent(url), trust_env=False)
        _, said = process.communicate()
        assert process.returncode == 0, said
