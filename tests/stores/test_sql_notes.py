"""Notes in a SQL database: of many hosts, of accounts with few rights, and of old databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy.exc import OperationalError

from evergrant.errors import StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.sql import SQLStore
from evergrant.testing.sample_tokens import ALICE
from tests.support.servers.databases import Database
from tests.support.servers.sql_accounts import account, url
from tests.support.stores.notes import HOUR, processes_lose_no_change, put, read
from tests.support.stores.sql_store import (
    columns_of,
    elsewhere,
    in_background,
    official_table,
    until_waiting,
)

__all__ = ["account", "url"]


@pytest.fixture
def store(database: Database) -> Iterator[SQLStore]:
    with SQLStore(database.url) as store:
        yield store


def keys(database: Database) -> list[str]:
    return sorted(key for (_, key, *_) in database.execute("SELECT * FROM evergrant_note"))


def test_processes_that_change_a_note_at_the_same_time_lose_no_change(database: Database) -> None:
    processes_lose_no_change(database.url)


def test_a_deadlock_with_another_program_loses_no_change(
    store: SQLStore, database: Database
) -> None:
    put(store, "key", "before")
    with elsewhere(database) as other:
        for n in range(20):  # MySQL undoes the transaction that has changed less
            other.exec_driver_sql(f"INSERT INTO evergrant_counter VALUES ('x{n}', 1)")
        other.exec_driver_sql("UPDATE evergrant_note SET until = until + 1")
        with in_background(
            lambda: store.update_note("key", lambda text: f"{text} after", life=HOUR)
        ) as results:
            until_waiting(database)
            # PostgreSQL undoes the one whose second of waiting ends last: ours, unless this
            # machine took longer than that to come here. Neither may lose the change.
            with suppress(OperationalError):
                other.exec_driver_sql("UPDATE evergrant_counter SET last = last + 1")
            other.rollback()
    assert results == ["before after"]
    assert read(store, "key") == "before after"


def test_a_database_from_before_there_were_notes_gets_their_table(database: Database) -> None:
    with open_store(database.url) as store:
        alice = store.save_token(ALICE)
    database.execute("DROP TABLE evergrant_note")
    with open_store(database.url) as store, open_store(database.url) as other:
        put(store, "key", "text")
        assert read(other, "key") == "text"
        assert store.get_tokens() == [alice]


def test_what_has_had_its_time_is_forgotten_at_the_next_opening(database: Database) -> None:
    with open_store(database.url) as store:
        put(store, "young", "text")
        put(store, "old", "text", life=-25 * HOUR)
        put(store, "just over", "text", life=-HOUR)  # by another host's clock it may not be
    open_store(database.url).close()
    assert keys(database) == ["just over", "young"]


def test_tables_of_one_database_have_notes_of_their_own(database: Database) -> None:
    with open_store(database.url) as one, open_store(f"{database.url}?table=other") as other:
        put(one, "key", "of one")
        put(other, "key", "of the other")
        assert (read(one, "key"), read(other, "key")) == ("of one", "of the other")


def test_an_account_that_may_not_create_their_table_has_notes_of_its_process(
    url: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(url) as store, open_store(url) as other:
        put(store, "key", "text")
        assert (read(store, "key"), read(other, "key")) == ("text", "")
    assert columns_of(database, "evergrant_note") == []
    assert "with the rights that the account has" in caplog.messages[0]


def test_an_account_that_may_not_use_their_table_has_notes_of_its_process(
    url: str, database: Database
) -> None:
    open_store(database.url).close()
    with open_store(url) as store:
        put(store, "key", "text")
        assert read(store, "key") == "text"
    assert keys(database) == []


def test_what_is_opened_only_to_read_has_notes_that_nobody_can_change(database: Database) -> None:
    with open_store(database.url) as store:
        put(store, "key", "text")
    with open_store(database.url, read_only=True) as store:
        assert (read(store, "key"), read(store, "unknown")) == ("text", "")
        with pytest.raises(StoreUnavailable, match="is read-only"):
            put(store, "key", "another")
    with open_store(database.url) as store:
        assert read(store, "key") == "text"


def test_what_has_no_notes_is_read_as_it_is(database: Database) -> None:
    official_table(database)
    with open_store(database.url, read_only=True) as store:
        assert read(store, "key") == ""
        with pytest.raises(StoreUnavailable, match="is read-only"):
            put(store, "key", "text")
    assert columns_of(database, "evergrant_note") == []
