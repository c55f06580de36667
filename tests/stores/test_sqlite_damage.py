"""What goes wrong in an open store is said with its reason, and harms nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evergrant.errors import CorruptRecord, StoreError, StoreUnavailable
from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import ALICE, BOB, SECRETS, grant, refreshed
from evergrant.token import Token
from tests.support.stores.file_store import story
from tests.support.stores.sqlite_store import execute


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


def test_a_closed_store_says_that_it_was_closed(path: Path) -> None:
    store = SQLiteStore(path)
    store.save_token(ALICE)
    store.close()
    store.close()
    for use in (
        store.get_tokens,
        store.change_counter,
        lambda: store.save_token(BOB),
        lambda: store.find_token(ALICE),
        lambda: store.lease("1", 1),
    ):
        with pytest.raises(StoreUnavailable, match="was closed") as caught:
            use()
        assert caught.value.retryable is False


def test_a_store_that_is_closed_in_the_middle_of_a_listing_ends_it(path: Path) -> None:
    store = SQLiteStore(path)
    for number in range(3):
        store.save_token(grant(f"user{number}"))
    listing = store.iter_tokens()
    next(listing)
    store.close()
    with pytest.raises(StoreUnavailable, match="was closed") as caught:
        list(listing)
    assert SECRETS not in story(caught.value)


@pytest.mark.parametrize("statement", ["DROP TABLE oauthtoken", "DROP TABLE evergrant_counter"])
def test_a_table_that_another_program_dropped_is_missed(path: Path, statement: str) -> None:
    with SQLiteStore(path) as store:
        execute(path, statement)
        with pytest.raises(StoreUnavailable, match="a table or column is missing") as caught:
            store.save_token(ALICE)
        assert caught.value.retryable is False


def test_a_rule_of_the_table_that_we_do_not_know_is_no_conflict(path: Path) -> None:
    with SQLiteStore(path) as store:
        execute(path, "CREATE UNIQUE INDEX one_client ON oauthtoken (client_id)")
        store.save_token(ALICE)
        with pytest.raises(StoreUnavailable, match="SQLITE_CONSTRAINT_UNIQUE") as caught:
            store.save_token(BOB)
        assert caught.value.retryable is False
        assert SECRETS not in str(caught.value)


def test_text_that_sqlite_cannot_hold_is_refused_without_showing_it(path: Path) -> None:
    with SQLiteStore(path) as store:
        with pytest.raises(StoreError, match="cannot hold") as caught:
            store.save_token(Token(user_name="alice", access_token=f"{SECRETS}\ud800"))
        assert caught.value.__context__ is None
        assert store.get_tokens() == []


@pytest.mark.parametrize("column", ["access_token", "user_name", "id"])
def test_a_row_with_text_that_is_not_utf8_harms_no_other(path: Path, column: str) -> None:
    with SQLiteStore(path) as store:
        for number in range(3):
            store.save_token(grant(f"user{number}"))
        damage = "UPDATE oauthtoken SET COLUMN = CAST(x'706c616e7465642dff' AS text) WHERE id = '2'"
        execute(path, damage.replace("COLUMN", column))
        problems: list[CorruptRecord] = []
        assert [token.id for token in store.iter_tokens(on_corrupt=problems.append)] == ["1", "3"]
        [problem] = problems
        assert column == "id" or problem.token_id == "2"
        assert column in str(problem) or column == "id"
        assert column == "id" or SECRETS not in str(problem)
        assert store.find_token(grant("user2")) is not None


def test_a_damaged_row_is_named_by_its_id_and_left_as_it_is(path: Path) -> None:
    with SQLiteStore(path) as store:
        saved = store.save_token(ALICE)
        store.save_token(BOB)
        execute(path, "UPDATE oauthtoken SET expiry_time = 'planted-soon' WHERE id = '1'")
        uses: list[tuple[Callable[[Any], object], object]] = [
            (store.find_token, ALICE),
            (store.find_token_by_id, "1"),
            (store.save_token, refreshed(ALICE)),
        ]
        for use, argument in uses:
            with pytest.raises(CorruptRecord, match="expiry_time") as caught:
                use(argument)
            assert caught.value.token_id == saved.id
            assert SECRETS not in str(caught.value)
        assert store.find_token(BOB) is not None
        found = execute(path, "SELECT expiry_time FROM oauthtoken WHERE id = '1'")
        assert found == [("planted-soon",)]
