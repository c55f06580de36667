"""A database in a process that forks."""

from __future__ import annotations

from pathlib import Path

import pytest

from evergrant.stores.sqlite import SQLiteStore
from evergrant.testing.sample_tokens import stored_contents
from tests.support.stores.sqlite_store import execute, finish, start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.db"


def users(path: Path) -> list[str]:
    """Return who is in a sound database."""
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]
    with SQLiteStore(path) as store:
        return sorted(str(token.user_name) for token in stored_contents(store).values())


FORK = """
store = SQLiteStore(sys.argv[1])
store.save_token(grant("parent"))
store.change_counter()
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


FORK_AND_CACHE = """
store = SQLiteStore(sys.argv[1])
store.save_token(grant("alice"))
before = store.change_counter()
child = os.fork()
if child == 0:
    os._exit(0 if store.change_counter() != before else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or store.change_counter() == before)
"""


def test_after_a_fork_neither_side_trusts_what_it_had_cached(path: Path) -> None:
    finish(start(FORK_AND_CACHE, path))
