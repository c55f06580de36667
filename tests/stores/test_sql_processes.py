"""Many processes, one table: at the same time, while it is made, and forked."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from evergrant.stores import open_store
from evergrant.stores.rows import COLUMNS
from evergrant.stores.sql import SQLStore
from evergrant.stores.sql.statements import Statement
from evergrant.testing.sample_tokens import ALICE, BOB, refreshed, stored_contents
from evergrant.token import Token
from tests.support.servers.databases import Database
from tests.support.stores.sql_store import columns_of
from tests.support.stores.sqlite_store import finish, finish_together, start

SAVE = """
with open_store(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(15):
        store.save_token(grant(f"{sys.argv[2]}-{number}"))
        store.save_token(grant("everybody"))
"""


def test_processes_that_save_at_the_same_time_lose_nothing(database: Database) -> None:
    finish_together([start(SAVE, database.url, name) for name in "abc"])
    with open_store(database.url) as store:
        found = sorted(str(token.user_name) for token in stored_contents(store).values())
        assert found == sorted(
            ["everybody", *(f"{name}-{number}" for name in "abc" for number in range(15))]
        )
        everybody = store.find_token(Token(user_name="everybody"))
        assert everybody is not None
        assert everybody.version == 45


def test_all_who_come_first_at_the_same_time_find_one_complete_table(database: Database) -> None:
    start_together = threading.Barrier(6)

    def come(number: int) -> Token:
        start_together.wait()
        with SQLStore(database.url) as store:
            return store.save_token(Token(user_name=f"u{number}", access_token="a"))

    with ThreadPoolExecutor(6) as pool:
        saved = list(pool.map(come, range(6)))
    assert len({token.id for token in saved}) == 6
    assert columns_of(database) == list(COLUMNS)
    with SQLStore(database.url) as store:
        assert stored_contents(store) == {token.id: token for token in saved}


def in_child(work: object) -> int:
    """Run a function in a forked child; return its exit code."""
    child = os.fork()
    if child == 0:
        try:
            assert callable(work)
            work()
        except BaseException:  # noqa: BLE001 - nothing of a child's may get out into pytest
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


FORK = """
import threading
store = open_store(sys.argv[1])
store.save_token(grant("before"))
done = threading.Event()

def keep_busy():
    while not done.is_set():
        store.save_token(grant("busy"))
        assert store.find_token(grant("before"))

threads = [threading.Thread(target=keep_busy) for _ in range(3)]
for thread in threads:
    thread.start()
for number in range(8):
    child = os.fork()
    if child == 0:
        try:
            assert store.find_token(grant("before"))
            store.save_token(grant(f"child {number}"))
            with store.lease("1", 1):
                pass
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.find_token(grant(f"child {number}"))
done.set()
for thread in threads:
    thread.join()
assert len(store.get_tokens()) == 10
"""


def test_children_forked_among_busy_threads_have_connections_of_their_own(
    database: Database,
) -> None:
    finish(start(FORK, database.url))


def test_a_child_that_ends_leaves_the_parents_connection_alone(database: Database) -> None:
    with SQLStore(database.url) as store:
        alice = store.save_token(ALICE)
        before = store._run(_whoami(database))
        assert in_child(lambda: store.save_token(BOB)) == 0
        assert in_child(store.close) == 0
        assert store._run(_whoami(database)) == before
        assert store.save_token(refreshed(alice)).version == 2
        assert len(store.get_tokens()) == 2


def _whoami(database: Database) -> Statement:
    mysql = "mysql" in database.url
    return Statement("SELECT CONNECTION_ID()" if mysql else "SELECT pg_backend_pid()", None)
