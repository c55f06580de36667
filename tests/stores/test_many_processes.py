"""Many processes, one file, of each kind: killed, forked, or only at the same time."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from evergrant.stores import open_store
from evergrant.testing.sample_tokens import stored_contents
from tests.support.stores.sqlite_store import execute, finish, start

FILES = ["sqlite:///{}/tokens.db", "file://{}/tokens.csv"]


@pytest.fixture(params=FILES, ids=["sqlite", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    pattern: str = request.param
    return pattern.format(tmp_path)


def users(url: str) -> list[str]:
    """Return who is in a sound file."""
    scheme, _, path = url.partition("://")
    if scheme == "sqlite":
        assert execute(Path(path[1:]), "PRAGMA integrity_check") == [("ok",)]
    with open_store(url) as store:
        return sorted(str(token.user_name) for token in stored_contents(store).values())


SAVE = """
with open_store(sys.argv[1], timeout=60) as store:
    for number in range(25):
        store.save_token(grant(f"{sys.argv[2]}-{number}"))
"""


def test_four_processes_save_twenty_five_users_each(url: str) -> None:
    programs = [start(SAVE, url, name) for name in "abcd"]
    for program in programs:
        finish(program)
    assert users(url) == sorted(f"{name}-{number}" for name in "abcd" for number in range(25))


SAVE_FOR_EVER = """
from dataclasses import replace
from itertools import count
store = open_store(sys.argv[1])
for number in count():
    token = store.save_token(grant(f"{sys.argv[2]}-{number}"))
    print(number, flush=True)
    store.save_token(replace(token, access_token="refreshed"), expected_version=1)
"""


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_acknowledged(url: str) -> None:
    acknowledged: list[str] = []
    for number in range(10):
        program = start(SAVE_FOR_EVER, url, f"round{number}")
        assert program.stdout
        for _ in range(random.randint(1, 20)):
            program.stdout.readline()
        time.sleep(random.random() / 500)
        program.kill()
        out, _ = program.communicate()
        last = int(out.split()[-1]) if out.split() else 0
        acknowledged += [f"round{number}-{n}" for n in range(last + 1)]
        # The last save may have been made and not acknowledged any more.
        assert set(acknowledged) <= set(users(url))


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
        store.change_counter()
        number += 1
threads = [threading.Thread(target=work, args=(name,)) for name in "xy"]
for thread in threads:
    thread.start()
for number in range(10):
    child = os.fork()
    if child == 0:
        assert store.find_token(grant("parent")) is not None
        before = store.change_counter()
        saved = store.save_token(grant(f"child-{number}"))
        assert store.change_counter() != before
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
    ("pattern", "children_seen"),
    [*((url, 10) for url in FILES), ("sqlite:///:memory:", 0), ("memory:", 0), ("list:", 0)],
)
def test_a_fork_in_the_midst_of_other_threads_work_leaves_a_store_that_works(
    pattern: str, children_seen: int, tmp_path: Path
) -> None:
    url = pattern.format(tmp_path)
    assert finish(start(FORK_AMID_WORK, url)).split() == [str(children_seen), "True"]
    if children_seen:
        assert "child-9" in users(url)
