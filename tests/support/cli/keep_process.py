"""``evergrant keep`` in a process of its own, as a service manager runs it, with quick rounds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from evergrant.stores.base import TokenStore

PATIENCE = 120
"""Seconds after which a service that says nothing has failed the test."""

PROGRAM = """
import sys
from evergrant.cli.app import app
from evergrant._core import scheduler
scheduler.INTERVAL_S = 0.05
app(sys.argv[1:])
"""


class Service:
    """A running ``evergrant keep --json``.

    Attributes:
        said: All that it said so far.
        errors: What it wrote to stderr, once it has ended.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.said: list[dict[str, Any]] = []
        self.errors = ""
        self._process = process

    def hear(self, event: str, *, times: int = 1) -> list[dict[str, Any]]:
        """Wait until it has told of this event so many more times; return these."""
        heard: list[dict[str, Any]] = []
        while len(heard) < times:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            assert line, f"it ended before {event!r}: {self.said}"
            self.said.append(json.loads(line))
            heard += [self.said[-1]] if self.said[-1]["event"] == event else []
        return heard

    def deafen(self) -> None:
        """Stop reading what it says."""
        assert self._process.stdout is not None
        self._process.stdout.close()

    def wait(self) -> int:
        """Return the exit code once it has ended by itself."""
        assert self._process.stderr is not None
        self.errors = self._process.stderr.read()
        return self._process.wait()

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, hear it out, and return the exit code."""
        self._process.send_signal(how)
        rest, self.errors = self._process.communicate()
        self.said += [json.loads(line) for line in rest.splitlines()]
        return self._process.returncode


@contextmanager
def keeping(*arguments: str, before: Sequence[str] = ()) -> Iterator[Service]:
    """Run the command; it has looked at the store once when this yields.

    Args:
        before: Options that stand before the command.
    """
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *before, "keep", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
        text=True,
    ) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            service = Service(process)
            service.hear("keeping")
            yield service
        finally:
            watchdog.cancel()
            process.kill()


def access_tokens(store: TokenStore) -> dict[str, str | None]:
    """Return the stored access tokens by address."""
    return {
        (token.user_name or "").split(":")[0]: token.access_token for token in store.get_tokens()
    }
