"""``evergrant keep --once``: for cron, which looks at the exit code."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.keep_process import access_tokens
from tests.support.cli.runner import ALICE, BOB, Command, LogIn, a_token


@pytest.mark.parametrize("at_a_time", [1_000, 3])
def test_once_refreshes_what_is_due_and_ends(
    run: Command,
    zoho: Sandbox,
    store: TokenStore,
    logged_in: LogIn,
    sandbox: str,
    refreshes: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    at_a_time: int,
) -> None:
    monkeypatch.setattr("evergrant._concurrency.workers.MAX_QUEUED", at_a_time)
    users = [f"user{number}@example.com" for number in range(12)]
    for user in users:
        zoho.add_user(user)
    logged_in(*users)
    assert run("keep", "--once", sandbox).stdout.count("\n") == 1
    assert refreshes() == 0
    zoho.clock.advance(minutes=31)
    result = run("keep", "--once", sandbox)
    assert (result.exit_code, result.stderr) == (0, "")
    first, *lines = result.stdout.splitlines()
    assert f"keeping 12 tokens of {store.url} fresh" in first
    assert len(lines) == 12
    assert all(" refreshed user" in line and " until " in line for line in lines)
    assert refreshes() == 12
    assert run("keep", "--once", sandbox).exit_code == 0
    assert refreshes() == 12


def test_once_ends_with_1_if_something_failed(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE, BOB)
    zoho.clock.advance(minutes=31)
    zoho.revoke(ALICE)
    result = run("keep", "--once", sandbox)
    assert result.exit_code == 1
    assert f" failed {ALICE}:" in result.stdout
    assert f" refreshed {BOB}:" in result.stdout
    assert result.stdout.count(" failed ") == 1


def test_once_ends_with_1_if_a_user_is_unknown(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE)
    zoho.clock.advance(minutes=31)
    result = run("keep", "nobody@example.com", ALICE, "--once", sandbox)
    assert result.exit_code == 1
    assert " failed nobody@example.com: no token for this user" in result.stdout
    assert f" refreshed {ALICE}:" in result.stdout


def test_once_ends_with_1_if_a_row_cannot_be_read(
    run: Command, home: Path, zoho: Sandbox, store: TokenStore, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE, BOB)
    zoho.clock.advance(minutes=31)
    bob = next(token for token in store.get_tokens() if (token.user_name or "").startswith(BOB))
    with closing(sqlite3.connect(home / "tokens.db")) as other, other:
        other.execute("update oauthtoken set expiry_time = 'noon' where id = ?", (bob.id,))
    result = run("keep", "--once", sandbox)
    assert result.exit_code == 1
    assert "corrupt" in result.stdout
    assert f" refreshed {ALICE}:" in result.stdout


def test_once_without_a_store_ends_as_every_command(run: Command, tmp_path: Path) -> None:
    (tmp_path / "tokens.csv").write_text("this is no table of tokens\n")
    result = run("keep", "--once", f"--store=file://{tmp_path}/tokens.csv")
    assert (result.exit_code, result.stdout) == (6, "")
    assert run("keep", "--once", "--store=memory:").exit_code == 2


def test_tokens_of_others_are_left_alone_and_counted(
    run: Command,
    zoho: Sandbox,
    store: TokenStore,
    logged_in: LogIn,
    sandbox: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged_in(ALICE)
    later = {"expires_at": utc_now() + timedelta(hours=2), "api_domain": "https://www.zohoapis.eu"}
    store.save_token(a_token(user_name="mine@x.eu:1", refresh_token="r", **later))
    store.save_token(a_token(user_name="poor@x.eu:1", access_token="poor", **later))
    theirs = {"client_id": "1000.THEIRS", "access_token": "theirs"}
    store.save_token(a_token(user_name="else@x.eu:1", refresh_token="e", **later, **theirs))
    monkeypatch.setenv("EVERGRANT_CLIENT_ID", "1000.A")
    zoho.clock.advance(hours=1)
    before = access_tokens(store)
    result = run("keep", "--once")
    assert result.exit_code == 0
    assert "keeping 1 token of" in result.stdout
    for count in ("1 of a sandbox", "1 of other clients", "1 without a refresh token"):
        assert count in result.stdout
    assert access_tokens(store) == before
    said = [
        json.loads(line) for line in run("keep", "--once", "--json", sandbox).stdout.splitlines()
    ]
    assert [event["event"] for event in said] == ["keeping", "refreshed"]
    assert said[0]["left_alone"] == {"of unknown servers": 2, "of other clients": 1}
    assert said[1]["user"].startswith(ALICE)
    for user in ("poor@x.eu", "mine@x.eu"):
        assert run("keep", user, "--once", sandbox).exit_code == 1
