"""What the locks around private files guard: one thread stops at every step, another acts."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from evergrant._files import secure_files
from evergrant.testing.contract_files import run_in_fork
from tests.support.concurrency.acts import equal
from tests.support.concurrency.stepping import Scene, step_through

RESERVED = 0x40000001
"""The byte of a file that SQLite locks for as long as it writes."""


def refuse_open_for_writing(folder: Path) -> None:
    """Refuse files of a folder that this process has open for writing."""
    for handle in list(Path("/proc/self/fd").iterdir()):
        try:
            flags, file = fcntl.fcntl(int(handle.name), fcntl.F_GETFL), handle.readlink()
        except OSError:  # that of the listing itself
            continue
        assert file.parent != folder or not flags & (os.O_WRONLY | os.O_RDWR), file


@pytest.mark.parametrize(
    "write",
    [
        lambda path: secure_files.create(path, content=b"new"),
        lambda path: secure_files.atomic_replace(path, b"newer"),
    ],
    ids=["create", "replace"],
)
def test_a_child_does_not_keep_open_what_is_being_written(
    tmp_path: Path, write: Callable[[str], object]
) -> None:
    path = tmp_path / "tokens"

    def scene() -> Scene:
        path.unlink(missing_ok=True)
        ends: list[int] = []

        def fork() -> None:
            child = run_in_fork(lambda: refuse_open_for_writing(tmp_path))
            ends.append(os.waitpid(child, 0)[1])

        return Scene(lambda: write(str(path)), fork, lambda: equal((ends, [0])))

    step_through(scene, secure_files)


def test_whoever_made_a_file_does_not_end_the_locks_that_another_has_on_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens.db"

    def scene() -> Scene:
        path.unlink(missing_ok=True)
        writers: list[sqlite3.Connection] = []

        def write() -> None:
            secure_files.ensure_file(str(path))
            writers.append(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
            writers[0].execute("BEGIN IMMEDIATE")

        def lock() -> None:
            with path.open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, RESERVED)

        def check() -> None:
            assert os.waitpid(run_in_fork(lock), 0)[1] != 0, "it was locked"
            writers[0].close()

        return Scene(lambda: secure_files.ensure_file(str(path)), write, check)

    step_through(scene, secure_files)
