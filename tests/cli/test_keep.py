"""``evergrant keep``: a service that keeps tokens fresh, whatever happens meanwhile."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from evergrant.sandbox import Sandbox
from evergrant.sandbox.faults import TOKEN_PATH, Fault
from evergrant.stores.base import TokenStore
from evergrant.token import SECRET_FIELDS
from tests.support.cli.keep_process import access_tokens, keeping
from tests.support.cli.runner import ALICE, BOB, CAROL, Command, LogIn


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
            refreshed = service.hear("refreshed", times=3)
            assert {event["user"].split(":")[0] for event in refreshed} == {ALICE, BOB, CAROL}
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
        service.hear("refreshed")
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
        service.hear("refreshed")
        assert service.end() == 0
    assert [event["event"] for event in service.said] == ["keeping", "failed", "refreshed"]


def test_an_empty_store_is_looked_at_until_there_is_something_to_keep(
    zoho: Sandbox, logged_in: LogIn, sandbox: str
) -> None:
    with keeping(sandbox) as service:
        assert service.said[0]["tokens"] == 0
        logged_in(ALICE)
        zoho.clock.advance(minutes=31)
        service.hear("refreshed")
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
    assert [event["event"] for event in service.said] == ["keeping", "refreshed"]
    assert "when the running refreshes are saved" in service.errors
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
            service.hear("refreshed")
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
        service.hear("refreshed")
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
        service.hear("refreshed")
        assert service.end() == 0
    assert len(service.said) == 4


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
            service.hear("refreshed")
            for token in store.get_tokens():
                values = (getattr(token, field) for field in SECRET_FIELDS)
                secrets |= {str.__str__(value) for value in values if value}
        assert service.end() == 0
    shown = json.dumps(service.said) + service.errors
    assert "Refreshed" in shown
    assert len(secrets) >= 6
    assert not [secret for secret in secrets if secret in shown]
