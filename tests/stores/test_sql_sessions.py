"""Nothing is set on a session, and no setting that others have made there does any harm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.sql import SQLStore, connections
from evergrant.stores.sql.statements import Statement
from evergrant.testing.sample_tokens import ALICE, BOB, refreshed
from tests.support.servers.databases import Database
from tests.support.servers.sql_accounts import account, url
from tests.support.stores.sql_store import elsewhere, official_table

__all__ = ["account", "url"]

SETTINGS = (
    "sql_mode",
    "time_zone",
    "lock_wait_timeout",
    "innodb_lock_wait_timeout",
    "tx_isolation",
    "tx_read_only",
    "autocommit",
)


@contextmanager
def set_globally(database: Database, **settings: str) -> Iterator[None]:
    """Let a server have other settings, for whoever connects meanwhile."""
    names = list(settings)
    [before] = database.execute(f"SELECT {', '.join(f'@@global.{name}' for name in names)}")
    database.execute(*(f"SET GLOBAL {name} = '{value}'" for name, value in settings.items()))
    try:
        yield
    finally:
        database.execute(
            *(f"SET GLOBAL {name} = {old!r}" for name, old in zip(names, before, strict=True))
        )


@pytest.mark.parametrize("read_only", [False, True])
def test_mysql_is_told_nothing_that_stays(mariadb: Database, *, read_only: bool) -> None:
    with open_store(mariadb.url) as store:
        store.save_token(ALICE)
    asked = ", ".join(f"@@session.{name} = @@global.{name}" for name in SETTINGS)
    with SQLStore(mariadb.url, timeout=3, read_only=read_only) as store:
        store.find_token(ALICE)
        if not read_only:
            store.save_token(refreshed(ALICE))
            store.lease("1", 60).release()
        # Not by the store, which says its limits within each statement.
        raw = store._connections.engine.raw_connection()
        with closing(raw), closing(raw.cursor()) as cursor:
            cursor.execute(f"SELECT {asked}")
            [same] = cursor.fetchall()
    assert dict(zip(SETTINGS, same, strict=True)) == dict.fromkeys(SETTINGS, 1)


@pytest.mark.parametrize("mode", ["", "ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH"])
@pytest.mark.parametrize("level", ["REPEATABLE-READ", "SERIALIZABLE", "READ-COMMITTED"])
def test_a_servers_own_settings_do_no_harm(mariadb: Database, mode: str, level: str) -> None:
    official_table(mariadb, end="CHARACTER SET latin1")
    odd = replace(ALICE, user_name="o'brien \\ \"%_/ \\'", id="7")
    settings = {"sql_mode": mode, "tx_isolation": level, "time_zone": "+05:30"}
    with set_globally(mariadb, **settings), SQLStore(mariadb.url) as store:
        saved = store.save_token(odd)
        assert store.find_token(odd) == saved
        with pytest.raises(StoreError, match="cannot hold one of the values"):
            store.save_token(replace(BOB, redirect_url="https://\N{SNOWMAN}"))
        with store.lease("7", 60) as lease, SQLStore(mariadb.url) as other:
            assert lease
            assert not other.lease("7", 60)
        store.delete_token("7")
        assert store.get_tokens() == []


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_a_lock_of_the_server_is_given_back_before_the_transaction_ends(
    mariadb: Database, url: str
) -> None:
    """After it, a proxy may have given us another session, and the lock would stay for ever."""
    with set_globally(mariadb, log_output="TABLE", general_log="ON"), open_store(url) as store:
        [(session,)] = store._run(Statement("SELECT CONNECTION_ID()", None))  # type: ignore[attr-defined]
        store.save_token(ALICE)
        store.delete_token(str(store.get_tokens()[0].id))
    said = [
        text.decode() if isinstance(text, bytes) else str(text)
        for (text,) in mariadb.execute(
            f"SELECT argument FROM mysql.general_log WHERE thread_id = {session} "
            "ORDER BY event_time"
        )
    ]
    ends = [text for text in said if text.startswith(("COMMIT", "DO RELEASE"))]
    assert ends == [f"DO RELEASE_LOCK({ends[0].partition('(')[2]}", "COMMIT"] * 2
    mariadb.execute("TRUNCATE mysql.general_log")


def test_what_is_looked_up_is_given_up_in_time_and_the_server_waits_no_longer(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MIN_READ_TIMEOUT_S", 0.3)
    waits = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        f"AND datname = '{postgresql.name}'"
    )
    with SQLStore(postgresql.url, timeout=0.3) as store, elsewhere(postgresql) as other:
        alice = store.save_token(ALICE)
        other.exec_driver_sql("LOCK TABLE oauthtoken")
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="did not answer in time") as caught:
            store.find_token(ALICE)
        assert time.monotonic() - begun < 10
        assert caught.value.retryable
        assert postgresql.execute(waits) == [(0,)]
        other.rollback()
        assert store.find_token(ALICE) == alice


def test_a_deletion_that_would_hit_another_row_is_undone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So would a pooler do that takes one client's statement for another's."""
    with SQLStore(database.url) as store:
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        wrong = Statement("DELETE FROM oauthtoken", None)
        monkeypatch.setattr(store._sql, "delete", wrong)
        with pytest.raises(StoreUnavailable, match="result of another statement"):
            store.delete_token(str(alice.id))
        wrong = Statement("UPDATE oauthtoken SET redirect_url = 'theirs'", None)
        monkeypatch.setattr(store._sql, "update", wrong)
        with pytest.raises(StoreUnavailable, match="result of another statement"):
            store.save_token(refreshed(alice))
        assert store.get_tokens() == [alice, bob]


def test_an_answer_to_another_question_finds_nobody_and_deletes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SQLStore(database.url) as store:
        alice, bob = store.save_token(ALICE), store.save_token(BOB)
        every = store._sql.select(("id",), lock=False)
        theirs = every.text.partition("WHERE")[0] + f"WHERE id = '{bob.id}'"
        with monkeypatch.context() as patch:
            patch.setattr(store._sql, "select", lambda *_, **__: Statement(theirs, None))
            assert store.find_token(ALICE) is None
            with pytest.raises(StoreError):
                store.delete_token(str(alice.id))
            patch.setattr(store._sql, "select", lambda *_, **__: Statement("SELECT 1", None))
            with pytest.raises(StoreUnavailable, match="result of another statement"):
                store.find_token(ALICE)
        assert store.get_tokens() == [alice, bob]
