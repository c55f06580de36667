"""``evergrant keep``: a service that keeps tokens fresh, whatever happens meanwhile."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from cli_runner import ALICE, BOB, CAROL, Command, LogIn, a_token
from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from evergrant.sandbox.faults import TOKEN_PATH, Fault
from evergrant.stores.base import TokenStore
from evergrant.token import SECRET_FIELDS
from keep_process import keeping


@pytest.fixture
def sandbox(zoho: Sandbox) -> str:
    return f"--sandbox={zoho.url}"


@pytest.fixture
def refreshes(zoho: Sandbox) -> Callable[[], int]:
    return lambda: zoho.calls.count(path=TOKEN_PATH, grant_type="refresh_token")


def access_tokens(store: TokenStore) -> dict[str, str | None]:
    return {
        (token.user_name or "").split(":")[0]: token.access_token for token in store.get_tokens()
    }


def test_users_who_never_call_are_kept_fresh_hour_after_hour(
    zoho: Sandbox, store: TokenStore, logged_in: LogIn, sandbox: str, refreshes: Callable[[], int]
) -> None:
    logged_in(ALICE, BOB, CAROL)
    with keeping(sandbox) as service:
        assert service.said[0]["tokens"] == 3
        assert service.said[0]["store"] == store.url
        assert service.said[0]["left_alone"] == {}
        for _ in range(3):
            before = access_tokens(store)
            zoho.clock.advance(minutes=31)
            renewed = service.hear("renewed", times=3)
            assert {event["user"].split(":")[0] for event in renewed} == {ALICE, BOB, CAROL}
            after = access_tokens(store)
            assert not set(before.values()) & set(after.values())
        assert service.end() == 0
    assert refreshes() == 9


def test_only_who_is_named_is_kept(
    zoho: Sandbox, store: TokenStore, logged_in: LogIn, sandbox: str, refreshes: Callable[[], int]
) -> None:
    logged_in(ALICE, BOB)
    before = access_tokens(store)
    with keeping(ALICE, sandbox) as service:
        assert service.said[0]["tokens"] == 1
        zoho.clock.advance(minutes=31)
        service.hear("renewed")
        assert service.end() == 0
    assert refreshes() == 1
    assert access_tokens(store)[BOB] == before[BOB]
    assert access_tokens(store)[ALICE] != before[ALICE]


def test_who_logs_in_later_is_kept_from_then_on(
    zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    with keeping(ALICE, sandbox) as service:
        assert service.said[0]["tokens"] == 0
        (unknown,) = service.hear("failed")
        assert (unknown["user"], unknown["error"]) == (ALICE, "TokenNotFound")
        logged_in(ALICE)
        zoho.clock.advance(minutes=31)
        service.hear("renewed")
        assert service.end() == 0
    assert [event["event"] for event in service.said] == ["keeping", "failed", "renewed"]


def test_an_empty_store_is_looked_at_until_there_is_something_to_keep(
    zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    with keeping(sandbox) as service:
        assert service.said[0]["tokens"] == 0
        logged_in(ALICE)
        zoho.clock.advance(minutes=31)
        service.hear("renewed")
        assert service.end() == 0


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_what_was_begun_is_saved_when_it_is_told_to_end(
    zoho: Sandbox,
    store: TokenStore,
    logged_in: LogIn,
    sandbox: str,
    monkeypatch: pytest.MonkeyPatch,
    ending: signal.Signals,
) -> None:
    logged_in(ALICE)
    before = access_tokens(store)
    asked, answer = threading.Event(), threading.Event()
    take = zoho.faults.take

    def slow(path: str) -> Fault:
        if path == TOKEN_PATH:
            asked.set()
            assert answer.wait(30)
        return take(path)

    monkeypatch.setattr(zoho.faults, "take", slow)
    with keeping(sandbox) as service:
        zoho.clock.advance(minutes=31)
        assert asked.wait(30)
        threading.Timer(0.5, answer.set).start()  # it has to wait for this
        assert service.end(ending) == 0
    assert [event["event"] for event in service.said] == ["keeping", "renewed"]
    assert "what was begun" in service.errors
    assert access_tokens(store)[ALICE] != before[ALICE]


def test_an_idle_service_ends_without_a_word(logged_in: LogIn, sandbox: str) -> None:
    logged_in(ALICE)
    with keeping(sandbox) as service:
        assert service.end() == 0
    assert service.errors == ""
    assert len(service.said) == 1


def test_a_dead_grant_is_told_once_and_harms_nobody(
    zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE, BOB)
    zoho.revoke(ALICE)
    with keeping(sandbox) as service:
        for _ in range(3):
            zoho.clock.advance(minutes=31)
            service.hear("renewed")
        assert service.end() == 0
    (failed,) = [event for event in service.said if event["event"] == "failed"]
    assert failed["user"].startswith(ALICE)
    assert failed["error"] == "LoginRequired"
    assert "Log the user in again" in failed["problem"]


def test_what_a_locked_store_does_not_take_is_saved_once_it_does(
    home: Path, zoho: Sandbox, store: TokenStore, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE)
    before = access_tokens(store)
    with keeping(sandbox, f"--store=sqlite:///{home}/tokens.db?timeout=0.1") as service:
        with closing(sqlite3.connect(home / "tokens.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            zoho.clock.advance(minutes=31)
            (unsaved,) = service.hear("not saved")
            assert Path(unsaved["lifeboat"]).stat().st_mode & 0o777 == 0o600
            assert access_tokens(store) == before
        service.hear("saved")
        assert access_tokens(store) != before
        zoho.clock.advance(minutes=31)
        service.hear("renewed")
        assert service.end() == 0


def test_a_store_that_was_gone_for_a_while_is_used_again(
    tmp_path: Path, run: Command, zoho: Sandbox, sandbox: str
) -> None:
    file = tmp_path / "tokens.csv"
    where = f"--store=file://{file}"
    run("login", "--self-client", sandbox, where, stdin=zoho.grant_code(ALICE))
    with keeping(sandbox, where) as service:
        kept = file.read_bytes()
        file.write_bytes(b"this is no table of tokens\n")
        (failed,) = service.hear("store failed")
        assert failed["error"] == "StoreUnavailable"
        file.write_bytes(kept)
        service.hear("store recovered")
        zoho.clock.advance(minutes=31)
        service.hear("renewed")
        assert service.end() == 0
    assert len(service.said) == 4


def test_once_renews_what_is_due_and_ends(
    run: Command,
    zoho: Sandbox,
    store: TokenStore,
    logged_in: LogIn,
    sandbox: str,
    refreshes: Callable[[], int],
) -> None:
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
    assert all(" renewed user" in line and " until " in line for line in lines)
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
    assert f" renewed {BOB}:" in result.stdout
    assert result.stdout.count(" failed ") == 1


def test_once_ends_with_1_if_a_user_is_unknown(
    run: Command, zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE)
    zoho.clock.advance(minutes=31)
    result = run("keep", "nobody@example.com", ALICE, "--once", sandbox)
    assert result.exit_code == 1
    assert " failed nobody@example.com: no token for this user" in result.stdout
    assert f" renewed {ALICE}:" in result.stdout


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
    assert f" renewed {ALICE}:" in result.stdout


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
    assert [event["event"] for event in said] == ["keeping", "renewed"]
    assert said[0]["left_alone"] == {"of unknown servers": 2, "of other clients": 1}
    assert said[1]["user"].startswith(ALICE)
    for user in ("poor@x.eu", "mine@x.eu"):
        assert run("keep", user, "--once", sandbox).exit_code == 1


def test_who_stops_reading_ends_it(logged_in: LogIn, sandbox: str, zoho: Sandbox) -> None:
    logged_in(ALICE)
    zoho.clock.advance(minutes=31)
    with keeping(sandbox) as service:
        service.deafen()
        zoho.clock.advance(minutes=31)
        assert service.wait() == 141
    assert "Traceback" not in service.errors


def test_a_service_shows_no_secret(
    zoho: Sandbox, store: TokenStore, logged_in: LogIn, sandbox: str
) -> None:
    logged_in(ALICE, BOB)
    zoho.revoke(BOB)
    secrets = {zoho.client.client_secret}
    with keeping(sandbox, before=["--verbose"]) as service:
        for _ in range(2):
            zoho.clock.advance(minutes=31)
            service.hear("renewed")
            for token in store.get_tokens():
                values = (getattr(token, field) for field in SECRET_FIELDS)
                secrets |= {str.__str__(value) for value in values if value}
        assert service.end() == 0
    shown = json.dumps(service.said) + service.errors
    assert "Refreshed" in shown
    assert len(secrets) >= 6
    assert not [secret for secret in secrets if secret in shown]
