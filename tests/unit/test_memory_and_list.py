"""The stores in memory: quick, whole or not at all, and the list is the caller's own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evergrant.errors import CorruptRecord
from evergrant.stores.in_process import InProcessStore
from evergrant.stores.list import ListStore
from evergrant.stores.memory import MemoryStore
from evergrant.stores.rows import COLUMNS, Row
from evergrant.testing.sample_tokens import ALICE, BOB, SECRETS, grant, of_client, refreshed
from evergrant.token import Token

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=[MemoryStore, ListStore])
def store(request: pytest.FixtureRequest) -> InProcessStore:
    made: InProcessStore = request.param()
    return made


def official_row(who: str, id_: str = "1") -> list[Any]:
    return [
        id_,
        f"{who}@example.com:60001",
        "1000.APP",
        "planted-secret",
        f"planted-refresh-{who}",
        f"planted-access-{who}",
        None,
        "1893499200000",
        "https://app.example.com/callback",
        "https://www.zohoapis.eu",
    ]


def change_everything_and_fail(store: InProcessStore) -> None:
    with suppress(ZeroDivisionError), store._transaction():
        for token in store.get_tokens()[1:]:
            store._delete(str(token.id))
        store._update(Row(("1", "mallory", *[None] * 3, "a", *[None] * 9, 9)), 1)
        store._insert(Row(("7", "new", *[None] * 3, "a", *[None] * 9, 1)))
        store._update(Row(("7", "newer", *[None] * 3, "a", *[None] * 9, 2)), 1)
        store._delete("7")
        store._delete_all()
        store._insert(Row(("8", "newest", *[None] * 3, "a", *[None] * 9, 1)))
        1 / 0  # noqa: B018 - the failure


def test_what_fails_in_the_middle_changes_nothing(store: InProcessStore) -> None:
    saved = [store.save_token(grant(who)) for who in ("alice", "bob", "carol")]
    before = store.change_counter()
    change_everything_and_fail(store)
    assert sorted(store.get_tokens(), key=lambda token: token.id or "") == saved
    assert store.change_counter() == before
    for token in saved:
        assert store.find_token(token) == token
        assert store.find_token(Token(access_token=token.access_token)) == token
    assert store.find_users("new") == store.find_users("mallory") == []


def test_the_generation_changes_with_a_change_and_only_then(store: InProcessStore) -> None:
    before = store.change_counter()
    saved = store.save_token(ALICE)
    after = store.change_counter()
    assert after != before
    store.find_token(ALICE)
    store.get_tokens()
    store.lease(str(saved.id), 1).release()
    assert store.change_counter() == after
    store.delete_token(str(saved.id))
    assert store.change_counter() != after


def test_a_lease_ends_with_its_time_and_not_before(store: InProcessStore) -> None:
    now = [NOON]
    store._clock = lambda: now[0]
    assert store.lease("1", 10)
    now[0] += timedelta(seconds=9.999)
    assert not store.lease("1", 10)
    now[0] += timedelta(seconds=0.001)
    assert store.lease("1", 10)


def test_a_leases_time_is_taken_when_it_is_its_turn(store: InProcessStore) -> None:
    def now() -> datetime:
        other = ThreadPoolExecutor(1)
        entered = other.submit(store._lock.acquire, blocking=False)
        turns.append(not entered.result())
        other.shutdown()
        return NOON

    turns: list[bool] = []
    store._clock = now
    assert store.lease("1", 60)
    assert turns == [True]


def test_a_lease_from_before_the_clock_went_back_holds_nobody_up(store: InProcessStore) -> None:
    now = [NOON]
    store._clock = lambda: now[0]
    assert store.lease("1", 10)
    now[0] -= timedelta(days=365)
    assert store.lease("1", 10)


class Unscanned(dict[Any, Any]):
    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the whole store was read")

    keys = values = items = __iter__  # type: ignore[assignment]


def test_a_look_up_in_memory_reads_no_other_row() -> None:
    store = MemoryStore()
    saved = [store.save_token(grant(who)) for who in ("alice", "bob")]
    store._table.by_key = Unscanned(store._table.by_key)
    store._table._index = Unscanned(store._table._index)
    alice = saved[0]
    for asked in (
        Token(user_name=alice.user_name),
        Token(access_token=alice.access_token),
        of_client(grant_token=alice.grant_token),
        of_client(refresh_token=alice.refresh_token),
    ):
        assert store.find_token(asked) == alice
    assert store.find_users("alice@example.com") == [alice]
    assert store.find_token_by_id(str(alice.id)) == alice
    assert store.save_token(refreshed(alice)).version == 2


def test_what_is_deleted_leaves_nothing_in_the_index() -> None:
    store = MemoryStore()
    for number in range(5):
        saved = store.save_token(refreshed(ALICE, number))
    store.delete_token(str(saved.id))
    assert store._table._index == {}


def test_the_list_holds_lists_in_the_official_order_and_then_ours() -> None:
    store = ListStore()
    saved = store.save_token(ALICE)
    [row] = store.rows
    assert type(row) is list
    assert row[:10] == [
        "1",
        "alice@example.com:60001",
        "1000.APP",
        "planted-secret-1000.APP",
        "planted-refresh-alice-1000.APP",
        "planted-access-alice-1000.APP",
        "planted-grant-alice-1000.APP",
        "1893499200000",
        "https://app.example.com/callback",
        "https://www.zohoapis.eu",
    ]
    assert {type(value) for value in row} <= {str, int, type(None)}
    assert dict(zip(COLUMNS, row, strict=True))["version"] == saved.version == 1


def test_a_list_of_ten_columns_is_taken_as_it_is_and_stays_the_callers() -> None:
    rows = [official_row("alice"), official_row("bob", "2")]
    store = ListStore(rows)
    assert store.rows is rows
    assert [len(row) for row in rows] == [10, 10]
    found = store.find_token(Token(user_name="alice@example.com:60001"))
    assert found is not None
    assert (found.id, found.version, found.expires_at) == ("1", 0, NOON)
    saved = store.save_token(replace(found, access_token="planted-new"), expected_version=0)
    assert [len(row) for row in rows] == [16, 10]
    assert rows[0][5] == "planted-new"
    assert store.save_token(grant("carol")).id == "3"
    store.delete_token("2")
    assert [row[0] for row in rows] == ["1", "3"]
    assert store.find_token_by_id("1") == saved


def test_rows_that_the_caller_adds_or_takes_away_are_seen() -> None:
    store = ListStore()
    store.rows.append(official_row("alice", "40"))
    assert store.find_token_by_id("40") is not None
    assert store.save_token(BOB).id == "41"
    store.rows.append(official_row("carol", "50"))
    store.delete_tokens()
    assert store.rows == []
    assert store.save_token(BOB).id == "51"


def test_numbers_and_secrets_in_the_callers_list_are_understood() -> None:
    row = official_row("alice")
    row[0], row[7] = 7, 1893499200000
    row[3:6] = [ALICE.client_secret, ALICE.refresh_token, ALICE.access_token]
    store = ListStore([row])
    [token] = store.get_tokens()
    assert (token.id, token.expires_at, token.access_token) == ("7", NOON, ALICE.access_token)
    assert store.find_token_by_id("7") == token
    store.delete_token("7")
    assert store.rows == []


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [None, "mallory"],
        ["9"],
        ["9", "mallory", *[None] * 3, object(), *[None] * 4],
        [*official_row("mallory", "9"), *[None] * 20],
        ["9", "mallory", *[None] * 3, "planted-access", None, "planted-soon"],
    ],
)
def test_a_row_that_is_no_token_harms_no_other(bad: list[Any]) -> None:
    store = ListStore([official_row("alice"), bad])
    problems: list[CorruptRecord] = []
    [token] = store.get_tokens(on_corrupt=problems.append)
    assert token.user_name == "alice@example.com:60001"
    assert len(problems) == 1
    assert SECRETS not in str(problems[0])
    assert store.find_users("alice@example.com") == [token]
    assert int(store.save_token(BOB).id or 0) > 1
