"""Processes that work for a test, and can be stopped and killed at any moment.

They are forked by a small server that has everything imported, so that one costs milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.support.waiting import until

__all__ = ["PATIENCE", "Hand", "tell"]

PRELOADED = [
    "encodings.idna",
    "filelock",
    "http.cookiejar",
    "httpx2",
    "psycopg",
    "pymysql",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "evergrant.sandbox",
    "evergrant.keeper",
    "evergrant.stores.file",
    "evergrant.stores.sql",
    "evergrant.stores.sqlite",
    "evergrant.zohocrmsdk.bridge",
]

PATIENCE = 60.0
"""Seconds that a process may take on a busy machine."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PRELOADED)


class Hand:
    """A process that does one job, and tells what it did.

    Args:
        job: A function of a module; its first argument is a `Connection` to here.
        arguments: The others.

    Attributes:
        pid: Its number.
    """

    def __init__(self, job: Callable[..., None], *arguments: object) -> None:
        self._pipe, theirs = _context.Pipe()
        self._process = _context.Process(target=job, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()
        assert self._process.pid
        self.pid = self._process.pid

    def hear(self, timeout: float = PATIENCE) -> Any:
        """Return the next thing that it tells.

        Raises:
            EOFError: It has ended.
        """
        assert self._pipe.poll(timeout), f"process {self.pid} tells nothing for {timeout} s"
        return self._pipe.recv()

    def heard(self) -> Iterator[Any]:
        """Yield what it has told until now."""
        with suppress(EOFError, ConnectionResetError):
            while self._pipe.poll():
                yield self._pipe.recv()

    def tell(self, what: object) -> None:
        """Tell it something."""
        self._pipe.send(what)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def wait_until_stopped(self) -> None:
        """Return once it has stopped."""
        until(lambda: _state(self.pid) == "T", PATIENCE, lambda: f"{self.pid} does not stop")

    def go_on(self) -> None:
        """Let it go on after a stop."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> list[Any]:
        """Kill it; return what it has told until then."""
        self._process.kill()
        return self.end()

    def end(self) -> list[Any]:
        """Wait until it has ended; return what it has told until then."""
        self._process.join(PATIENCE)
        told = list(self.heard())
        self._pipe.close()
        self._process.close()
        return told


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def tell(pipe: Connection, what: object) -> None:
    """Tell the test something; without a test, end."""
    try:
        pipe.send(what)
    except BrokenPipeError:
        os._exit(0)
