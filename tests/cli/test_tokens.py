"""Commands about tokens that are there."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from evergrant.stores.base import TokenStore
from tests.support.cli.runner import ALICE, BOB, Command, LogIn, a_token

LATER = timedelta(hours=1)


def corrupt(home: Path, id_: str | None) -> None:
    with sqlite3.connect(home / "tokens.db") as connection:
        connection.execute("update oauthtoken set expiry_time = 'noon' where id = ?", (id_,))
    connection.close()


def test_an_empty_store_is_said_to_be_empty_beside_the_answer(run: Command) -> None:
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "evergrant login" in result.stderr
    assert json.loads(run("list", "--json").stdout) == []


def test_a_list_shows_every_state_and_no_secret(
    run: Command, store: TokenStore, home: Path
) -> None:
    now = utc_now()
    live = {"refresh_token": "canary-refresh", "api_domain": "https://www.zohoapis.eu"}
    tokens: dict[str, dict[str, Any]] = {
        "fresh@x.eu:1": {"expires_at": now + LATER, **live, "scopes": ("ZohoCRM.modules.ALL",)},
        "stale@x.eu:1": {"expires_at": now + timedelta(minutes=3), **live},
        "gone@x.eu:1": {"expires_at": now - LATER, **live},
        "poor@x.eu:1": {"expires_at": now + LATER},
    }
    for name, fields in tokens.items():
        store.save_token(a_token(user_name=name, access_token=f"canary-{name}", **fields))
    broken = store.save_token(a_token(user_name="broken@x.eu:1"))
    corrupt(home, broken.id)
    rows = {row["user"]: row for row in json.loads(run("list", "--json").stdout)}
    states = {name: row["state"] for name, row in rows.items()}
    assert states == {
        "fresh@x.eu:1": "fresh",
        "stale@x.eu:1": "stale",
        "gone@x.eu:1": "expired",
        "poor@x.eu:1": "no refresh token",
        "broken@x.eu:1": "corrupt",
    }
    assert rows["fresh@x.eu:1"]["data_center"] == "eu"
    assert 3500 < rows["fresh@x.eu:1"]["expires_in"] <= 3600
    assert "expiry_time" in rows["broken@x.eu:1"]["problem"]
    table = run("list")
    for text in (*states, *states.values(), "eu", "modules.ALL", "59 min"):
        assert text in table.stdout
    assert "canary" not in table.output + run("list", "--json").output


def test_a_list_in_a_pipe_is_not_cut(run: Command, store: TokenStore) -> None:
    name = f"{'long' * 15}@example.com:60000000001"
    store.save_token(a_token(user_name=name))
    assert name in run.process("list").stdout.decode()


def test_a_name_cannot_steer_the_terminal(run: Command, store: TokenStore) -> None:
    store.save_token(a_token(user_name="\x1b[2Jevil[red]:1"))
    assert "\x1b" not in run("list").output
    assert "evil[red]:1" in run("list").output
    assert "\x1b" not in run("show", "\x1b[2Jevil[red]:1").output
    assert "\x1b" not in run("show", "\x1b[2Jnobody").output


def test_show_tells_everything_but_the_secrets(run: Command, store: TokenStore) -> None:
    saved = store.save_token(a_token(refresh_token="canary-refresh", client_secret="canary-cs"))
    for which in ([ALICE], [f"{ALICE}:1"], ["--id", saved.id or ""]):
        page = run("show", *which)
        assert page.exit_code == 0
        assert f"{ALICE}:1" in page.stdout
        row = json.loads(run("show", *which, "--json").stdout)
        assert (row["client_id"], row["has_refresh_token"]) == ("1000.A", True)
        assert "canary" not in page.output + json.dumps(row)


@pytest.mark.parametrize("command", ["show", "token", "refresh", "revoke", "delete", "api"])
def test_an_unknown_user_is_not_found(run: Command, command: str) -> None:
    arguments = {"api": ["/crm/v8/org", "--user", "nobody"]}.get(command, ["nobody"])
    result = run(command, *arguments)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "nobody" in result.stderr


@pytest.mark.parametrize("command", ["show", "token", "refresh", "revoke", "delete"])
def test_a_bare_address_that_fits_several_is_refused_with_the_candidates(
    run: Command, store: TokenStore, command: str
) -> None:
    for org in "12":
        store.save_token(a_token(user_name=f"{ALICE}:{org}", access_token=org))
    result = run(command, ALICE)
    assert result.exit_code == 3
    assert f"{ALICE}:1" in result.stderr
    assert f"{ALICE}:2" in result.stderr
    assert len(store.get_tokens()) == 2


@pytest.mark.parametrize("command", ["show", "delete"])
@pytest.mark.parametrize("which", [[], [ALICE, "--id", "1"]])
def test_user_or_id_and_not_both(run: Command, command: str, which: list[str]) -> None:
    result = run(command, *which)
    assert result.exit_code == 2
    assert "--id" in result.stderr


def test_a_corrupt_row_is_named_and_can_be_deleted(
    run: Command, store: TokenStore, home: Path
) -> None:
    broken = store.save_token(a_token())
    other = store.save_token(a_token(user_name=f"{BOB}:1", access_token="other"))
    corrupt(home, broken.id)
    result = run("show", ALICE)
    assert result.exit_code == 6
    assert f"row {broken.id} of the token store is corrupt" in result.stderr
    assert run("delete", "--id", broken.id or "", "--yes").exit_code == 0
    assert [row["id"] for row in json.loads(run("list", "--json").stdout)] == [other.id]


def test_token_prints_a_working_access_token_and_nothing_else(
    run: Command, zoho: Sandbox, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    first = run("token", ALICE)
    zoho.clock.advance(hours=1)
    second = run("token", ALICE)
    assert first.exit_code == second.exit_code == 0
    assert first.stderr == second.stderr == ""
    assert first.stdout.endswith("\n")
    assert first.stdout.count("\n") == 1
    assert first.stdout != second.stdout
    zoho.kill_access_token(second.stdout.strip())  # raises if it does not live


def test_refresh_refreshes_a_token_that_is_still_fresh(
    run: Command, zoho: Sandbox, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    before = run("token", ALICE).stdout
    result = run("refresh", ALICE)
    assert result.exit_code == 0
    assert f"refreshed the access token of {ALICE}" in result.stderr
    assert result.stdout == ""
    assert run("token", ALICE).stdout != before
    assert zoho.calls.count(grant_type="refresh_token") == 1


def test_a_revoked_user_must_log_in_again(run: Command, zoho: Sandbox, logged_in: LogIn) -> None:
    logged_in(ALICE)
    zoho.revoke(ALICE)
    result = run("refresh", ALICE)
    assert result.exit_code == 4
    assert "Log the user in again" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_throttled_user_is_told_when_to_come_back(
    run: Command, zoho: Sandbox, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    zoho.faults.throttle(times=None)
    result = run("refresh", ALICE)
    assert result.exit_code == 5
    assert "Zoho accepts requests again at" in result.stderr


def test_an_accounts_server_that_fails_may_work_later(
    run: Command, zoho: Sandbox, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    zoho.faults.html(times=None)
    result = run("refresh", ALICE)
    assert result.exit_code == 5
    assert "web page" in result.stderr


def test_revoke_ends_it_at_zoho_and_in_the_store(
    run: Command, zoho: Sandbox, store: TokenStore, logged_in: LogIn
) -> None:
    logged_in(ALICE, BOB)
    assert run("revoke", ALICE, "--yes").exit_code == 0
    assert zoho.revoke(ALICE) == 0
    assert [(token.user_name or "").split(":")[0] for token in store.get_tokens()] == [BOB]


def test_revoke_that_does_not_reach_zoho_keeps_the_token(
    run: Command, zoho: Sandbox, store: TokenStore, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    zoho.faults.server_error(path="/oauth/v2/token/revoke", times=None)
    assert run("revoke", ALICE, "--yes").exit_code == 5
    assert len(store.get_tokens()) == 1


@pytest.mark.parametrize("command", ["revoke", "delete"])
def test_without_anybody_to_ask_nothing_is_removed(
    run: Command, zoho: Sandbox, store: TokenStore, logged_in: LogIn, command: str
) -> None:
    logged_in(ALICE)
    result = run(command, ALICE)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert len(store.get_tokens()) == 1
    assert zoho.revoke(ALICE) == 1


def test_delete_does_not_tell_zoho(
    run: Command, zoho: Sandbox, store: TokenStore, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    result = run("delete", ALICE, "--yes")
    assert result.exit_code == 0
    assert "deleted" in result.stderr
    assert store.get_tokens() == []
    assert zoho.revoke(ALICE) == 1


def test_an_unknown_id_is_not_found(run: Command) -> None:
    assert run("delete", "--id", "77", "--yes").exit_code == 3
    assert run("show", "--id", "77").exit_code == 3


def test_tokens_of_a_sandbox_that_is_gone_can_still_be_seen_and_deleted(
    run: Command, zoho: Sandbox, logged_in: LogIn
) -> None:
    logged_in(ALICE)
    zoho.stop()
    assert run("show", ALICE).exit_code == 0
    result = run("token", ALICE)
    assert result.exit_code == 2
    assert f"no sandbox answers at {zoho.url}" in result.stderr
    assert run("delete", ALICE, "--yes").exit_code == 0
