"""No command shows a secret, in success or failure, but the one that is there to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from evergrant.token import SECRET_FIELDS
from tests.support.cli.runner import ALICE, BOB, Command, LogIn

TOKEN = re.compile(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}")
"""What Zoho's tokens and codes look like."""


class Watch:
    """Runs commands and looks for secrets in what they leave behind."""

    def __init__(self, run: Command, store: TokenStore, *secrets: str) -> None:
        self._run = run
        self._store = store
        self._secrets = set(secrets)

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        self._learn()
        result = self._run(*arguments, stdin=stdin)
        self._learn()
        self._secrets |= {stdin.strip()} - {""}
        assert not TOKEN.search(result.output), arguments
        for secret in self._secrets:
            assert secret not in result.output, arguments
        return result.output

    def _learn(self) -> None:
        for token in self._store.get_tokens():
            values = (getattr(token, field) for field in SECRET_FIELDS)
            self._secrets |= {str.__str__(value) for value in values if value}

    @property
    def known(self) -> int:
        return len(self._secrets)


@pytest.fixture
def watch(
    run: Command, home: Path, zoho: Sandbox, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> Watch:
    (home / "config.toml").write_text('client_secret = "canary-in-file"')
    (home / "config.toml").chmod(0o644)
    monkeypatch.setenv("EVERGRANT_CLIENT_SECRET", "canary-in-environment")
    secrets = ("canary-in-file", "canary-in-environment", zoho.client.client_secret)
    return Watch(run, store, *secrets)


def test_no_command_shows_a_secret(watch: Watch, zoho: Sandbox, logged_in: LogIn) -> None:
    sandbox = f"--sandbox={zoho.url}"
    logged_in(ALICE, BOB)
    code = zoho.grant_code(ALICE)
    assert "logged in" in watch("login", "--self-client", sandbox, stdin=code)
    assert "sent to Zoho before" in watch("login", "--self-client", sandbox, stdin=code)
    watch("login")
    for arguments in (["list"], ["show", ALICE], ["show", "--id", "1"], ["purge", "--dry-run"]):
        assert "canary" not in watch(*arguments) + watch(*arguments, "--json")
    assert ALICE in watch("list")
    assert "problem" in watch("doctor", sandbox)
    watch("doctor", sandbox, "--json")
    watch("api", "-i", "/crm/v8/org", "--user", ALICE)
    watch("api", "https://evil.example/", "--user", ALICE)
    watch("api", "/crm/v8/nothing", "-H", "Authorization: x", "--user", ALICE)
    zoho.clock.advance(hours=1)
    assert "refreshed" in watch("refresh", ALICE)
    assert "refreshed" in watch("keep", "--once", sandbox)
    zoho.faults.throttle()
    assert "too many" in watch("refresh", ALICE)
    zoho.faults.half_json(times=None)
    watch("refresh", ALICE)
    zoho.faults.clear()
    zoho.revoke(BOB)
    assert "revoked" in watch("refresh", BOB)
    assert "revoked" in watch("revoke", ALICE, "--yes")
    assert "deleted" in watch("delete", BOB, "--yes")
    assert watch.known >= 10


def test_the_watch_would_notice(watch: Watch, zoho: Sandbox, logged_in: LogIn) -> None:
    logged_in(ALICE)
    with pytest.raises(AssertionError, match="token"):
        watch("token", ALICE)


def test_neither_demo_nor_sandbox_nor_what_happens_meanwhile_shows_a_token(run: Command) -> None:
    told = run.process("-v", "demo")
    assert told.returncode == 0
    assert b"Refreshed" in told.stderr
    assert not TOKEN.search((told.stdout + told.stderr).decode())
