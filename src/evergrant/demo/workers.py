"""Starts and kills the worker process of the demo."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

__all__ = ["Worker"]

START_TIMEOUT_S = 20.0
"""How long to wait for a worker that prints nothing."""


class Worker:
    """Runs `evergrant.demo.worker`; use it in a ``with`` statement, which kills it.

    No secret is passed on: the worker reads them from the store.

    Args:
        home: Its EVERGRANT_HOME.

    Attributes:
        pid: Its process id.
    """

    def __init__(self, store_url: str, zoho_url: str, users: Iterable[str], *, home: Path) -> None:
        command = [sys.executable, "-m", "evergrant.demo.worker", store_url, zoho_url, *users]
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            command, stdout=subprocess.PIPE, env={**os.environ, "EVERGRANT_HOME": str(home)}
        )
        self._watchdog = threading.Timer(START_TIMEOUT_S, self._process.kill)
        self._watchdog.start()
        self.pid = self._process.pid

    def wait_for_calls(self, number: int) -> int:
        """Wait until it reported ``number`` calls or ended; return how many it reported."""
        out = self._process.stdout
        lines = iter(out.readline, b"") if out else iter(())
        return sum(1 for _, line in zip(range(number), lines, strict=False) if line == b"ok\n")

    def kill(self) -> int:
        """Kill it as `kill -9` does; return its return code, as `subprocess` has it."""
        self._process.kill()
        return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._watchdog.cancel()
        self.kill()
        if self._process.stdout:
            self._process.stdout.close()
