"""Files on disk: private, and intact when a writer dies or several write."""

from __future__ import annotations

import os
import random
import signal
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from evergrant.stores.base import TokenStore
from evergrant.testing.sample_tokens import ALICE, NOON, Reopen, grant, refreshed, stored_contents
from evergrant.token import Token

__all__ = ["FilesContract"]

KILLS = 8
MAX_WRITER_LIFE_S = 0.03
"""How long a writer lives at most after its first save, before it is killed."""

MAX_SAVES = 1_000
"""How many saves a writer makes at most if it is not killed."""

PROCESSES = 3
SAVES = 8
"""How many saves each process makes."""


def run_in_fork(job: Callable[[], object]) -> int:
    """Run a job in a forked process that ends with the job; return its process id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside other threads
        pid = os.fork()
    if pid == 0:
        failed = 1
        try:
            job()
            failed = 0
        finally:
            os._exit(failed)
    return pid


def run_and_kill(work: Callable[[Callable[[], object]], object], after: float) -> None:
    """Run work in a process, and kill it ``after`` seconds from when it says that it began."""
    hears, says = os.pipe()
    writer = run_in_fork(lambda: work(lambda: os.write(says, b".")))
    os.close(says)
    begun = os.read(hears, 1)
    time.sleep(after)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    os.close(hears)
    assert begun, "a process could not save"


def token_of_hour(hour: int) -> Token:
    """Return Alice's token of an hour, recognisable in each field."""
    return refreshed(ALICE, hour, refresh_token=f"planted-refresh-{hour}")


class FilesContract:
    """Files on disk are private, and stay intact when a writer dies or several write.

    Checked if the fixture ``folder`` says where the store's files are.
    """

    def test_no_file_can_be_read_by_anybody_else(
        self, store: TokenStore, folder: Path | None
    ) -> None:
        """Or written: the files belong to their owner alone (0600)."""
        store.save_token(ALICE)
        store.save_token(refreshed(ALICE))
        files = [path for path in folder.rglob("*") if path.is_file()] if folder else []
        open_to_others = [path.name for path in files if path.stat().st_mode & 0o077]
        assert not open_to_others

    def test_a_writer_that_is_killed_leaves_every_token_whole(
        self, store: TokenStore, reopen: Reopen, folder: Path | None
    ) -> None:
        """All earlier saves are there, and the next writer can continue."""
        if folder is None:
            return
        others = {token.id: token for token in (store.save_token(grant(str(n))) for n in range(9))}
        id_ = store.save_token(token_of_hour(0)).id

        def save_for_ever(begun: Callable[[], object]) -> None:
            with reopen() as theirs:
                theirs.save_token(token_of_hour(1))
                begun()
                for hour in range(2, MAX_SAVES):
                    theirs.save_token(token_of_hour(hour))

        moment = random.Random(1)  # noqa: S311 - when, not what
        for _ in range(KILLS):
            run_and_kill(save_for_ever, moment.uniform(0, MAX_WRITER_LIFE_S))
            with reopen() as after:
                found = stored_contents(after)
                survivor = found.pop(id_)
                assert found == others
                assert survivor.expires_at is not None
                hour = (survivor.expires_at - NOON) // timedelta(hours=1)
                assert survivor.access_token == token_of_hour(hour).access_token
                assert survivor.refresh_token == token_of_hour(hour).refresh_token
                assert after.save_token(survivor).version == survivor.version + 1

    def test_processes_that_save_at_the_same_time_lose_none(
        self, store: TokenStore, reopen: Reopen, folder: Path | None
    ) -> None:
        """Each token is there, under its own id."""
        if folder is None:
            return
        store.save_token(ALICE)

        def save(process: int) -> None:
            with reopen() as mine:
                for n in range(SAVES):
                    mine.save_token(grant(f"{process}-{n}"))

        writers = [run_in_fork(partial(save, process)) for process in range(PROCESSES)]
        failed = [status for _, status in (os.waitpid(pid, 0) for pid in writers) if status]
        assert not failed, "a process could not save"
        names = {token.user_name for token in stored_contents(store).values()}
        expected = {grant(f"{p}-{n}").user_name for p in range(PROCESSES) for n in range(SAVES)}
        assert names == expected | {ALICE.user_name}
