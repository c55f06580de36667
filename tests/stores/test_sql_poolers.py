"""Behind a pooler a session is everybody's: nothing of ours stays on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from evergrant.errors import ConfigError, StoreUnavailable
from evergrant.stores import open_store
from evergrant.stores.sql import SQLStore
from evergrant.testing.contract_sharing import run_in_threads
from evergrant.testing.sample_tokens import ALICE, BOB, grant, refreshed
from tests.support.servers.databases import Database
from tests.support.servers.poolers import SESSIONS, PgBouncer, Pooled
from tests.support.stores.sql_store import in_background


@contextmanager
def stranger(database: Database) -> Iterator[psycopg.Connection]:
    """Give a connection of another program's, which takes what the pooler lends it."""
    url = database.url.replace("+psycopg", "")
    with closing(psycopg.connect(url, autocommit=True, prepare_threshold=None)) as connection:
        yield connection


def on_every_session(database: Pooled, question: str) -> set[object]:
    """Return what a stranger is told on all of the pooler's sessions."""
    answers: dict[int, object] = {}

    def ask(_: int) -> None:
        with stranger(database) as connection, connection.transaction():
            row = connection.execute(f"SELECT pg_backend_pid(), ({question})").fetchone()
            assert row
            answers[row[0]] = row[1]
            time.sleep(0.05)  # and meanwhile another one gets another session

    run_in_threads(ask, 2 * SESSIONS)
    return set(answers.values())


def use(database: Database, *, read_only: bool) -> None:
    """Use all of a store, from many threads."""
    with SQLStore(database.url) as store:
        run_in_threads(lambda n: [store.save_token(grant(f"{n}-{m}")) for m in range(8)], 8)
        for _ in range(10):
            store.find_token(grant("1-1"))
    if read_only:
        with SQLStore(database.url, timeout=3, read_only=True) as store:
            run_in_threads(lambda n: [store.find_token(grant(f"{n}-{m}")) for m in range(8)], 8)
            with pytest.raises(StoreUnavailable, match="is read-only"):
                store.save_token(ALICE)


def test_no_stranger_gets_a_session_that_is_read_only(pgbouncer: Pooled) -> None:
    use(pgbouncer, read_only=True)
    found = on_every_session(pgbouncer, "SELECT current_setting('transaction_read_only')")
    assert found == {"off"}
    with stranger(pgbouncer) as other:
        other.execute("CREATE TABLE theirs (id int)")
        other.execute("INSERT INTO theirs VALUES (1)")


def test_no_stranger_meets_our_limits_or_statements(pgbouncer: Pooled) -> None:
    changed = (
        "SELECT string_agg(name, ' ') FROM pg_settings "
        "WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding', "
        "'DateStyle', 'TimeZone', 'standard_conforming_strings')"
    )
    use(pgbouncer, read_only=True)
    assert on_every_session(pgbouncer, changed) == {None}
    assert on_every_session(pgbouncer, "SELECT count(*) FROM pg_prepared_statements") == {0}
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert on_every_session(pgbouncer, locks) == {0}


def test_what_strangers_set_on_a_session_is_not_ours(pgbouncer: Pooled) -> None:
    with SQLStore(pgbouncer.url) as store:
        alice = store.save_token(ALICE)

        def spoil(_: int) -> None:
            with stranger(pgbouncer) as other:
                other.execute("SET default_transaction_isolation = 'serializable'")
                other.execute("SET lock_timeout = '1ms'")

        run_in_threads(spoil, 2 * SESSIONS)
        for number in range(5):
            alice = store.save_token(refreshed(alice))
            assert store.find_token(ALICE) == alice
            assert alice.version == 2 + number


def test_prepared_statements_that_were_asked_for_are_not_used_behind_a_pooler(
    pgbouncer: Pooled, caplog: pytest.LogCaptureFixture
) -> None:
    asked = f"{pgbouncer.url}?prepare_threshold=1"
    with SQLStore(asked) as one, SQLStore(asked) as two:
        alice, bob = one.save_token(ALICE), two.save_token(BOB)
        for _ in range(10):
            assert (one.find_token(ALICE), two.find_token(BOB)) == (alice, bob)
            assert two.find_token(ALICE) == alice
            alice = one.save_token(refreshed(alice))
    assert on_every_session(pgbouncer, "SELECT count(*) FROM pg_prepared_statements") == {0}
    assert "nothing is prepared there" in caplog.text
    assert "planted" not in caplog.text


def test_prepared_statements_that_were_asked_for_are_used_without_one(
    postgresql: Database,
) -> None:
    with SQLStore(f"{postgresql.url}?prepare_threshold=1") as store:
        alice = store.save_token(ALICE)
        for _ in range(5):
            assert store.find_token(ALICE) == alice
            alice = store.save_token(refreshed(alice))
        connection = store._connections.engine.raw_connection()
        with closing(connection), closing(connection.cursor()) as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert cursor.fetchone()[0] > 0  # type: ignore[index]


def test_two_clients_are_never_told_of_each_others_users(pgbouncer: Pooled) -> None:
    with SQLStore(pgbouncer.url) as one, SQLStore(pgbouncer.url) as two:
        stay = [one.save_token(grant(f"stay-{n}")) for n in range(10)]

        def churn(thread: int) -> None:
            store = (one, two)[thread % 2]
            for n in range(15):
                gone = store.save_token(grant(f"{thread}-{n}"))
                found = store.find_token(stay[n % 10])
                assert found == stay[n % 10]
                store.delete_token(str(gone.id))

        run_in_threads(churn, 8)
        assert sorted(one.get_tokens(), key=lambda token: int(str(token.id))) == stay


def test_nobody_listens_on_a_session_that_is_not_his(pgbouncer: Pooled) -> None:
    with SQLStore(pgbouncer.url) as store:
        lease = store.lease("1", 60)
        with store.watch("1") as watch:
            ear = store._listening
            assert ear

            def wait() -> None:
                for _ in range(10):
                    watch.wait(0.2)

            with in_background(wait):
                lease.release()
            assert not ear.hears
    assert on_every_session(pgbouncer, "SELECT count(*) FROM pg_listening_channels()") == {0}


def test_a_pooler_that_allows_no_transactions_is_named(
    pgbouncer_servers: Callable[..., PgBouncer], postgresql: Database
) -> None:
    pooled = Pooled(pgbouncer_servers("statement"), postgresql)
    with pytest.raises(StoreUnavailable, match="allows no transactions") as caught:
        open_store(pooled.url)
    assert not caught.value.retryable
    assert "pool_mode" in str(caught.value.hint)
    with open_store(postgresql.url) as direct:
        alice = direct.save_token(ALICE)
    with open_store(pooled.url, read_only=True) as store:
        assert store.find_token(ALICE) == alice


def test_sessions_that_are_lent_for_a_while_do_as_well(
    pgbouncer_servers: Callable[..., PgBouncer], postgresql: Database
) -> None:
    pooled = Pooled(pgbouncer_servers("session", "default_pool_size = 12"), postgresql)
    with SQLStore(pooled.url) as store:
        alice = store.save_token(ALICE)
        run_in_threads(lambda _: [store.find_token(ALICE) for _ in range(5)], 8)
        assert store.find_token(ALICE) == alice
    with stranger(pooled) as other:
        assert other.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_settings_that_a_pooler_refuses_are_a_matter_of_configuration(pgbouncer: Pooled) -> None:
    with pytest.raises(ConfigError, match="unsupported startup parameter") as caught:
        open_store(f"{pgbouncer.url}?options=-csearch_path%3Dtokens")
    assert "ALTER ROLE" in str(caught.value.hint)


def test_settings_that_a_pooler_drops_do_not_lead_to_another_schema(
    pgbouncer_servers: Callable[..., PgBouncer], postgresql: Database
) -> None:
    dropping = pgbouncer_servers("transaction", "ignore_startup_parameters = options")
    postgresql.execute("CREATE SCHEMA tokens")
    for place in ("-csearch_path%3Dtokens", "-c%20search_path%3Dtokens", "--search_path%3Dtokens"):
        with pytest.raises(ConfigError, match="search_path") as caught:
            open_store(f"{Pooled(dropping, postgresql).url}?options={place}")
        assert "ALTER ROLE" in str(caught.value.hint)
    assert postgresql.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (0,)
    ]
    with open_store(f"{postgresql.url}?options=-csearch_path%3Dtokens") as store:
        store.save_token(ALICE)
    assert postgresql.execute("SELECT count(*) FROM tokens.oauthtoken") == [(1,)]


def test_what_a_pooler_costs_is_told(pgbouncer: Pooled, postgresql: Database) -> None:
    with open_store(pgbouncer.url) as store:
        told = " ".join(store.config_remarks())
    assert "pooler" in told
    assert "every 50 ms" in told
    assert "planted" not in told
    with open_store(postgresql.url) as store:
        assert list(store.config_remarks()) == []


def test_a_pooler_or_its_server_that_restarts_is_not_noticed(pgbouncer: Pooled) -> None:
    with SQLStore(pgbouncer.url) as store:
        alice = store.save_token(ALICE)
        for restarted in (pgbouncer.pooler, pgbouncer.server):
            restarted.restart()
            assert store.find_token(ALICE) == alice
            restarted.restart()
            alice = store.save_token(refreshed(alice), expected_version=alice.version)
            assert store.find_token(ALICE) == alice
