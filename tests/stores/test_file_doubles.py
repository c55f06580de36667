"""What two official stores at once leave behind: a user twice, an id twice. Nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant.stores.file import FileStore
from evergrant.testing.sample_tokens import NOON, SECRETS, grant
from evergrant.token import Token
from tests.support.stores.file_store import HEADER, NOON_MS, put, row, rows

HOUR = 3_600_000
ALICE = Token(user_name="alice@example.com:60001", client_id="1000.APP")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.csv"


def two_of_alice(path: Path) -> None:
    put(
        path,
        HEADER,
        row("1", "alice"),
        row("2", "bob"),
        row("3", "alice", NOON_MS + HOUR),
        row("4", "alice", NOON_MS + 2 * HOUR, client="other"),
    )


def test_of_two_rows_of_a_user_and_client_the_one_that_expires_last_counts(path: Path) -> None:
    two_of_alice(path)
    with FileStore(path) as store:
        found = store.find_token(ALICE)
        assert found
        assert (found.id, found.expires_at) == ("3", NOON + timedelta(hours=1))
        assert len(store.get_tokens()) == 4


def test_they_are_reported_once_without_secrets(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    two_of_alice(path)
    with FileStore(path) as store:
        store.save_token(grant("carol"))
        put(path, *map(",".join, rows(path)))
        store.get_tokens()
    assert caplog.messages == [f"{path}: alice@example.com:60001 has the ids 1, 3"]
    assert SECRETS not in caplog.text


def test_a_save_of_somebody_else_keeps_them(path: Path) -> None:
    two_of_alice(path)
    with FileStore(path) as store:
        store.save_token(grant("carol"))
    assert [fields[0] for fields in rows(path)] == ["id", "1", "2", "3", "4", "5"]


def test_a_save_of_the_user_leaves_out_what_is_no_newer_and_says_so(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    two_of_alice(path)
    with FileStore(path) as store:
        found = store.find_token(ALICE)
        assert found
        caplog.clear()
        store.save_token(replace(found, expires_at=NOON + timedelta(hours=3)))
    assert [fields[0] for fields in rows(path)] == ["id", "2", "3", "4"]
    [line] = caplog.messages
    assert "alice@example.com:60001 has a newer token, 3: the older 1 will be dropped" in line
    assert SECRETS not in line


def test_a_save_of_the_older_row_does_not_cost_the_newer(path: Path) -> None:
    two_of_alice(path)
    with FileStore(path) as store:
        old = store.find_token_by_id("1")
        assert old
        store.save_token(replace(old, redirect_url="https://app.example.com/new"))
    assert [fields[0] for fields in rows(path)] == ["id", "1", "2", "3", "4"]


def test_an_id_twice_for_one_user_is_the_newer_row(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(path, HEADER, row("1", "alice", NOON_MS + HOUR), row("1", "alice"), row("1", "alice"))
    with FileStore(path) as store:
        [alice] = store.get_tokens()
        assert alice.expires_at == NOON + timedelta(hours=1)
        assert caplog.messages == [f"{path}: the id 1 occurs 3 times"]
        store.save_token(grant("bob"))
        assert len(rows(path)) == 5
        store.save_token(replace(alice, access_token="new"))
        assert len(rows(path)) == 3
        assert len(store.get_tokens()) == 2


def test_deleting_an_id_deletes_all_of_its_rows(path: Path) -> None:
    put(path, HEADER, row("1", "alice"), row("1", "alice", NOON_MS + HOUR), row("2", "bob"))
    with FileStore(path) as store:
        store.delete_token("1")
    with FileStore(path) as store:
        assert [token.id for token in store.get_tokens()] == ["2"]


def test_two_users_with_one_id_are_parted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(path, HEADER, row("1", "bob"), row("1", "carol", NOON_MS + HOUR), row("2", "alice"))
    with FileStore(path) as store:
        found = {token.user_name: token.id for token in store.get_tokens()}
    names = [f"{who}@example.com:60001" for who in ("alice", "bob", "carol")]
    assert [found[name] for name in names] == ["2", "3", "1"]
    assert {fields[1]: fields[0] for fields in rows(path)[1:]} == found
    assert caplog.messages == [
        f"{path}: two users share the id 1; bob@example.com:60001 now has the id 3"
    ]


def test_parting_two_users_leaves_another_users_double_alone(path: Path) -> None:
    put(
        path,
        HEADER,
        row("3", "alice", NOON_MS + HOUR),
        row("3", "alice"),
        row("9", "bob", NOON_MS + HOUR),
        row("9", "carol"),
    )
    with FileStore(path) as store:
        assert [token.id for token in store.get_tokens()] == ["3", "9", "10"]
    assert [fields[0] for fields in rows(path)] == ["id", "3", "3", "9", "10"]


def test_two_users_get_one_id_while_the_store_is_open(path: Path) -> None:
    with FileStore(path) as store:
        store.save_token(grant("alice"))
        put(path, HEADER, row("1", "alice"), row("2", "bob"), row("2", "carol"))
        for who in ("bob", "carol"):
            found = store.find_token(Token(user_name=f"{who}@example.com:60001"))
            assert found
            assert store.save_token(replace(found, access_token="new")).id == found.id
        assert sorted(str(token.id) for token in store.get_tokens()) == ["1", "2", "3"]
