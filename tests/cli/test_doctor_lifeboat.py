"""``evergrant doctor --repair``: what waits is restored, and nothing is lost on the way."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant._lifeboat.outbox import Lifeboat
from evergrant.clock import utc_now
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.token import Token
from tests.support.cli.runner import ALICE, BOB, Command, a_token

Entry = tuple[str, str, str]
Doctor = Callable[..., list[Entry]]

KEY = b64encode(b"\1" * 32).decode()


@pytest.fixture
def doctor(run: Command) -> Doctor:
    """Run the doctor; return status, detail and hint of what it says of lifeboats."""

    def call(*arguments: str, code: int = 0) -> list[Entry]:
        result = run("doctor", "--offline", "--json", *arguments)
        found = json.loads(result.stdout)
        assert result.exit_code == code, found
        assert "canary" not in result.output
        table = run("doctor", "--offline").output
        assert "canary" not in table
        boats = [check for check in found if check["name"] == "lifeboat"]
        return [(check["status"], check["detail"], check["hint"]) for check in boats]

    return call


def refreshed(token: Token) -> Token:
    return replace(token, access_token="canary-new", expires_at=utc_now() + timedelta(hours=1))


@pytest.fixture
def alice(store: TokenStore) -> Token:
    return store.save_token(a_token(refresh_token="canary-refresh"))


@pytest.fixture
def boat(home: Path, store: TokenStore) -> Lifeboat:
    return Lifeboat(home, store.url)


def files(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("lifeboat-*"))


def test_without_repair_it_is_only_reported(
    doctor: Doctor, home: Path, boat: Lifeboat, alice: Token, store: TokenStore
) -> None:
    boat.add(refreshed(alice))
    boat.add(a_token(user_name=None, access_token="canary-login"))
    before = files(home)
    refresh, login = doctor(code=1)
    assert refresh == (
        "problem",
        f"token 1 of {ALICE}:1 was granted, but could not be saved to its store",
        "Repair the store, then run: evergrant doctor --repair",
    )
    assert login[1].startswith("a login was granted")
    assert files(home) == before
    assert store.get_tokens() == [alice]


def test_a_repair_restores_what_waits_and_says_so(
    doctor: Doctor, home: Path, boat: Lifeboat, alice: Token, store: TokenStore
) -> None:
    boat.add(refreshed(alice))
    boat.add(a_token(user_name=f"{BOB}:1", access_token="canary-login"))
    assert doctor("--repair") == [
        ("ok", f"token 1 of {ALICE}:1: restored", ""),
        ("ok", f"token 2 of {BOB}:1: restored", ""),
    ]
    assert {token.access_token for token in store.get_tokens()} == {"canary-new", "canary-login"}
    assert files(home) == []
    assert doctor("--repair") == doctor() == []


def test_what_the_store_does_not_need_is_said(
    doctor: Doctor, home: Path, boat: Lifeboat, alice: Token, store: TokenStore
) -> None:
    gone = store.save_token(a_token(id="99", user_name=f"{BOB}:1"))
    store.delete_token("99")
    boat.add(replace(gone, access_token="canary-gone"))
    boat.add(replace(alice, access_token="canary-old", expires_at=utc_now() - timedelta(days=1)))
    store.save_token(refreshed(alice), expected_version=alice.version)
    assert [(status, detail) for status, detail, _ in doctor("--repair")] == [
        ("note", f"token 99 of {BOB}:1: dropped: its row was deleted"),
        ("note", f"token 1 of {ALICE}:1: not needed: the store has a newer one"),
    ]
    assert files(home) == []


def test_what_the_store_still_does_not_take_waits_on(
    doctor: Doctor, home: Path, boat: Lifeboat, alice: Token
) -> None:
    boat.add(refreshed(alice))
    with closing(sqlite3.connect(home / "tokens.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        ((status, detail, _),) = doctor(
            "--repair", "--store", f"sqlite:///{home}/tokens.db?timeout=0", code=1
        )
    assert (status, detail.partition(";")[0]) == ("problem", f"token 1 of {ALICE}:1: still waiting")
    assert "locked" in detail
    assert len(files(home)) == 1


def test_a_store_that_cannot_be_opened_hides_no_token_that_waits_for_it(
    doctor: Doctor, home: Path, boat: Lifeboat, store: TokenStore
) -> None:
    boat.add(a_token())
    store.close()
    (home / "tokens.db").write_bytes(b"this is no database" * 1000)
    ((status, detail, _),) = doctor(code=1)
    assert (status, detail) == ("problem", f"1 granted token(s) wait for {store.url}")
    told = doctor("--repair", code=1)
    assert told[0][1].startswith("nothing was restored: ")
    assert told[1][1] == detail
    assert len(files(home)) == 1


def test_a_damaged_file_is_a_problem_until_a_repair_moves_it_aside(
    doctor: Doctor, home: Path, boat: Lifeboat
) -> None:
    path = boat.add(a_token())
    assert path
    path.write_text('["canary')
    ((status, detail, hint),) = doctor(code=1)
    assert (status, detail.partition(":")[0]) == ("problem", str(path))
    assert "--repair" in hint
    ((status, detail, _),) = doctor("--repair")
    assert status == "note"
    (name,) = files(home)
    assert detail == f"{path.name} was damaged; it is kept as {home / name}"
    assert name.startswith(f"{path.name}.damaged-")
    assert (home / name).read_text() == '["canary'


def test_what_is_sealed_needs_its_key(
    doctor: Doctor, home: Path, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERGRANT_KEY", KEY)
    Lifeboat(home, store.url).add(a_token())
    monkeypatch.delenv("EVERGRANT_KEY")
    for arguments in ([], ["--repair"]):
        ((status, detail, hint),) = doctor(*arguments, code=1)
        assert status == "problem"
        assert "encrypted with the key" in detail
        assert "EVERGRANT_KEY" in hint
    assert len(files(home)) == 1
    monkeypatch.setenv("EVERGRANT_KEY", KEY)
    assert [status for status, _, _ in doctor("--repair")] == ["ok"]
    with open_store(store.url) as sealed:
        assert len(sealed.get_tokens()) == 1


def test_lifeboats_of_other_stores_are_listed_and_left_alone(
    doctor: Doctor, home: Path, boat: Lifeboat, alice: Token, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    for number in range(2):
        Lifeboat(home, other).add(a_token(access_token=f"canary-{number}"))
    (home / "lifeboat-000000000000.json").write_text("not ours")
    boat.add(refreshed(alice))
    ours, unnamed, others = doctor("--repair", code=1)
    assert ours[0] == "ok"
    assert unnamed[1] == "1 granted token(s) wait for a store that the file does not name"
    assert others[1:] == (
        f"2 granted token(s) wait for {other}",
        f"With that store: evergrant doctor --repair --store {other}",
    )
    assert len(files(home)) == 3
    with open_store(other) as opened:
        assert opened.get_tokens() == []


def test_a_repair_puts_nothing_into_a_store_that_forgets(run: Command, home: Path) -> None:
    Lifeboat(home, "memory:").add(a_token())
    result = run("doctor", "--offline", "--repair", "--store", "memory:")
    assert result.exit_code == 2
    assert len(files(home)) == 1
