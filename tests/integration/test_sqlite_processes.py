"""Many processes, one database: killed, forked, or only at the same time."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.samples import contents
from sqlite_help import execute, finish, start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


def users(path: Path) -> list[str]:
    """Return who is in a sound database."""
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]
    with SQLiteStore(path) as store:
        return sorted(str(token.user_name) for token in contents(store).values())


SAVE = """
with SQLiteStore(sys.argv[1], timeout=30) as store:
    for number in range(25):
        store.save_token(grant(f"{sys.argv[2]}-{number}"))
"""


def test_four_processes_save_twenty_five_users_each(path: Path) -> None:
    programs = [start(SAVE, path, name) for name in "abcd"]
    for program in programs:
        finish(program)
    assert users(path) == sorted(f"{name}-{number}" for name in "abcd" for number in range(25))


SAVE_FOR_EVER = """
from dataclasses import replace
from itertools import count
store = SQLiteStore(sys.argv[1])
for number in count():
    token = store.save_token(grant(f"{sys.argv[2]}-{number}"))
    print(number, flush=True)
    store.save_token(replace(token, access_token="renewed"), expected_version=1)
"""


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_acknowledged(path: Path) -> None:
    acknowledged: list[str] = []
    for number in range(10):
        program = start(SAVE_FOR_EVER, path, f"round{number}")
        assert program.stdout
        for _ in range(random.randint(1, 20)):
            program.stdout.readline()
        time.sleep(random.random() / 500)
        program.kill()
        out, _ = program.communicate()
        last = int(out.split()[-1]) if out.split() else 0
        acknowledged += [f"round{number}-{n}" for n in range(last + 1)]
        # The last save may have been made and not acknowledged any more.
        assert set(acknowledged) <= set(users(path))


FORK = """
store = SQLiteStore(sys.argv[1])
store.save_token(grant("parent"))
store.generation()
inherited = store._connections._own.connection
from_child, to_parent = os.pipe()
from_parent, to_child = os.pipe()
child = os.fork()
if child == 0:
    store.save_token(grant("child-early"))
    assert store._connections._own.connection is not inherited
    os.write(to_parent, b"x")
    os.read(from_parent, 1)
    # By now the parent has closed its connections; were ours seen as one of them, it would have
    # deleted the log that this goes to.
    store.save_token(grant("child-late"))
    os._exit(0)
os.read(from_child, 1)
assert len(store.get_tokens()) == 2
store.close()
os.write(to_child, b"x")
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_what_a_forked_child_saves_outlives_the_parents_close(path: Path) -> None:
    finish(start(FORK, path))
    assert users(path) == ["child-early", "child-late", "parent"]


FORK_AMID_WORK = """
import threading
url = sys.argv[1]
store = open_store(url)
store.save_token(grant("parent"))
done = threading.Event()
def work(name):
    number = 0
    while not done.is_set() or number < 5:
        store.save_token(grant(f"{name}-{number}"))
        store.find_token(grant("parent"))
        store.generation()
        number += 1
threads = [threading.Thread(target=work, args=(name,)) for name in "xy"]
for thread in threads:
    thread.start()
for number in range(10):
    child = os.fork()
    if child == 0:
        assert store.find_token(grant("parent")) is not None
        before = store.generation()
        saved = store.save_token(grant(f"child-{number}"))
        assert store.generation() != before
        assert store.find_token_by_id(saved.id) == saved
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
done.set()
for thread in threads:
    thread.join()
names = [token.user_name for token in store.get_tokens()]
print(sum(name.startswith("child") for name in names), len(names) == len(set(names)))
store.close()
"""


@pytest.mark.parametrize(
    ("url", "children_seen"),
    [("sqlite:///{}", 10), ("sqlite:///:memory:", 0), ("memory:", 0), ("list:", 0)],
)
def test_a_fork_in_the_midst_of_other_threads_work_leaves_a_store_that_works(
    path: Path, url: str, children_seen: int
) -> None:
    assert finish(start(FORK_AMID_WORK, url.format(path))).split() == [str(children_seen), "True"]
    if children_seen:
        assert "child-9" in users(path)


FORK_AND_CACHE = """
store = SQLiteStore(sys.argv[1])
store.save_token(grant("alice"))
before = store.generation()
child = os.fork()
if child == 0:
    os._exit(0 if store.generation() != before else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or store.generation() == before)
"""


def test_after_a_fork_neither_side_trusts_what_it_had_cached(path: Path) -> None:
    finish(start(FORK_AND_CACHE, path))
