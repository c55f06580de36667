"""Logging in otherwise: settings that are wrong, self clients, pasted redirects."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, Command


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
    assert "sent to Zoho before" in again.stderr
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
    assert "--prompt-consent" in result.stderr


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
    assert "does not belong to this login" in said
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
