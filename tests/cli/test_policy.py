"""``purge``, and what a policy in the configuration does to the other commands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, Command, LogIn, a_token

LATER = timedelta(hours=1)


@pytest.fixture
def four(store: TokenStore) -> TokenStore:
    """One of each: dead, expired but refreshable, alive without a refresh token, never used."""
    now = utc_now()
    tokens: dict[str, dict[str, Any]] = {
        "dead:1": {"expires_at": now - LATER},
        "refreshable:1": {"expires_at": now - LATER, "refresh_token": "r"},
        "alive:1": {"expires_at": now + LATER},
        "unused:1": {"access_token": None, "grant_token": "g"},
    }
    for name, fields in tokens.items():
        store.save_token(a_token(**{"user_name": name, "access_token": name, **fields}))
    return store


def names(store: TokenStore) -> set[str | None]:
    return {token.user_name for token in store.get_tokens()}


def test_purge_deletes_what_can_never_work_again(run: Command, four: TokenStore) -> None:
    result = run("purge", "--yes")
    assert result.exit_code == 0
    assert "dead:1" in result.stdout
    assert names(four) == {"refreshable:1", "alive:1", "unused:1"}
    assert "nothing to purge" in run("purge", "--yes").stderr


def test_a_dry_purge_only_says_which(run: Command, four: TokenStore) -> None:
    assert run("purge", "--dry-run").exit_code == 0
    assert "dead:1" in run("purge", "--dry-run", "--yes").stdout
    rows = json.loads(run("purge", "--dry-run", "--json").stdout)
    assert [row["user"] for row in rows] == ["dead:1"]
    assert len(names(four)) == 4


def test_purge_asks_first(run: Command, four: TokenStore) -> None:
    assert run("purge").exit_code == 2
    assert len(names(four)) == 4


@pytest.fixture
def policy(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text('[policy]\nsession_timeout = "10h"\n')


@pytest.mark.usefixtures("policy")
def test_list_and_show_say_when_the_policy_ends_a_token(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE)
    (row,) = json.loads(run("list", "--json", sandbox).stdout)
    assert (row["ends_by"], row["state"]) == ("session_timeout", "fresh")
    assert row["ends_at"][:10] in run("list", sandbox).stdout
    assert "session_timeout" in run("show", ALICE, sandbox).stdout
    zoho.clock.advance(hours=10)
    assert "over: session_timeout" in run("list", sandbox).stdout


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("command", [("token", ALICE), ("refresh", ALICE), ("api", "/crm/v8/org")])
def test_no_command_uses_a_token_whose_time_is_over(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str, command: tuple[str, ...]
) -> None:
    logged_in(ALICE)
    assert run("token", ALICE, sandbox).exit_code == 0
    zoho.clock.advance(hours=10)
    result = run(*command, sandbox)
    assert result.exit_code == 4
    assert "session_timeout, it ended at" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("policy")
def test_purge_revokes_what_the_policy_has_ended(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str, store: TokenStore
) -> None:
    logged_in(ALICE)
    assert "nothing to purge" in run("purge", "--yes", sandbox).stderr
    zoho.clock.advance(hours=10)
    (row,) = json.loads(run("purge", "--dry-run", "--json", sandbox).stdout)
    assert row["rule"] == "session_timeout"
    assert zoho.calls.count(path="/oauth/v2/token/revoke") == 0
    zoho.faults.server_error(path="/oauth/v2/token/revoke", times=None)
    kept = run("purge", "--yes", sandbox)
    assert kept.exit_code == 1
    assert "not revoked, so kept" in kept.stderr
    assert len(store.get_tokens()) == 1
    zoho.faults.clear()
    done = run("purge", "--yes", sandbox)
    assert done.exit_code == 0
    assert "session_timeout" in done.stderr
    assert store.get_tokens() == []


@pytest.mark.usefixtures("policy")
def test_keep_does_not_keep_what_is_over(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE)
    before = zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token")
    zoho.clock.advance(hours=10)
    assert run("keep", "--once", sandbox).exit_code == 0
    assert zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token") == before


@pytest.mark.parametrize(
    "text", ["policy = 1", '[policy]\nmax_age = "never"', "[policy]\nmax_tokens_per_user = -1"]
)
def test_a_policy_that_cannot_be_meant_is_refused(run: Command, home: Path, text: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text)
    result = run("list")
    assert result.exit_code == 2
    assert "config.toml: policy" in result.stderr
