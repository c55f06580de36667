"""A grant that Zoho has ended: every command says so, not only the one that learnt it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from evergrant._lifeboat.outbox import Lifeboat
from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import Command, LogIn, a_token

ALICE, BOB = "alice@example.com", "bob@example.com"


def test_every_command_says_that_a_login_is_needed(
    run: Command, zoho: Sandbox, sandbox: str, logged_in: LogIn, refreshes: Callable[[], int]
) -> None:
    logged_in(ALICE, BOB)
    zoho.revoke(ALICE)
    assert run("refresh", ALICE).exit_code != 0
    for command in (["token", ALICE], ["api", "/crm/v8/org", "--user", ALICE]):
        told = run(*command)
        assert told.exit_code != 0
        assert told.stdout == ""
        assert "Log the user in again" in told.stderr
    assert refreshes() == 1
    states = {row["user"]: row["state"] for row in json.loads(run("list", "--json").stdout)}
    assert [state for name, state in states.items() if name.startswith(ALICE)] == ["needs login"]
    assert [state for name, state in states.items() if name.startswith(BOB)] == ["fresh"]
    assert json.loads(run("show", ALICE, "--json").stdout)["state"] == "needs login"
    assert "revoked at Zoho" in run("why", ALICE).output
    checks = json.loads(run("doctor", "--offline", "--json").stdout)
    assert [check["name"] for check in checks if ALICE in check["detail"]] == ["needs login"]
    logged_in(ALICE)
    assert run("token", ALICE).exit_code == 0
    states = {row["user"]: row["state"] for row in json.loads(run("list", "--json").stdout)}
    assert set(states.values()) == {"fresh"}


def test_a_list_names_what_waits_in_the_lifeboat(
    run: Command, home: Path, store: TokenStore
) -> None:
    alice = store.save_token(a_token(refresh_token="r"))
    later = utc_now() + timedelta(hours=1)
    Lifeboat(home, store.url).add(replace(alice, access_token="newer", expires_at=later))
    [row] = json.loads(run("list", "--json").stdout)
    assert row["state"] == "unsaved"
    assert json.loads(run("show", ALICE, "--json").stdout)["state"] == "unsaved"


def test_doctor_does_not_ask_for_a_login_that_the_lifeboat_makes_needless(
    run: Command, home: Path, store: TokenStore, zoho: Sandbox, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    zoho.revoke(ALICE)
    assert run("refresh", ALICE).exit_code != 0
    assert "needs login" in run("doctor", "--offline").stdout
    [alice] = store.get_tokens()
    later = utc_now() + timedelta(hours=1)
    Lifeboat(home, store.url).add(replace(alice, access_token="newer", expires_at=later))
    told = run("doctor", "--offline").stdout
    assert "needs login" not in told
    assert "lifeboat" in told


def test_a_list_needs_no_lifeboat_that_is_whole(
    run: Command, home: Path, store: TokenStore
) -> None:
    boat = Lifeboat(home, store.url)
    path = boat.add(store.save_token(a_token(refresh_token="r")))
    assert path
    path.write_bytes(b"torn")
    result = run("list")
    assert result.exit_code == 0
    assert "unsaved" not in result.stdout
    assert path.read_bytes() == b"torn"
