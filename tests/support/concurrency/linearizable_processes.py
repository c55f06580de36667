"""Processes on one store, killed and stopped at any moment, and the history of what they did."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.concurrency.linearizability import Call
from tests.support.waiting import until

__all__ = ["Crew", "history_in"]

WORKER = Path(__file__).with_name("linearizable_worker.py")
STOPPED = 0.05
"""Seconds that a process is stopped at a time, in which others do many things."""


class Crew:
    """Some processes that call a store until time is up.

    Args:
        url: The store's.
        folder: For what they write down.
        fault: What is wrong with the store; see `linearizable_worker.FAULTS`.
    """

    def __init__(
        self, url: str, folder: Path, *, size: int = 4, fault: str = "", sealed: bool = False
    ) -> None:
        self._scene = {"url": url, "fault": fault, "sealed": sealed}
        self._folder = folder
        self._size = size
        self._made = 0
        self.killed = self.stopped = 0

    def __enter__(self) -> Self:
        paths = os.pathsep.join(path for path in sys.path if path)
        self._source = subprocess.Popen(
            [sys.executable, WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": paths},
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._source.kill()
        self._source.communicate()

    def run(self, seconds: float, seed: int) -> list[Call]:
        """Let them work, kill and stop them; return the history."""
        chance = random.Random(seed)
        run = f"{seed}-{self._made}"
        workers = [self._start(run) for _ in range(self._size)]
        try:
            until(lambda: all(works(log) for _, log in workers))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(chance.uniform(0.01, 0.1))
                at = chance.randrange(self._size)
                process, log = workers[at]
                if not works(log):
                    continue
                if chance.random() < 0.5:
                    send(signal.SIGKILL, process)
                    workers[at] = self._start(run)
                    self.killed += 1
                else:
                    send(signal.SIGSTOP, process)
                    time.sleep(chance.uniform(0, STOPPED))
                    send(signal.SIGCONT, process)
                    self.stopped += 1
        finally:
            for process, _ in workers:
                send(signal.SIGKILL, process)
        return [call for log in self._logs(run) for call in history_in(log)]

    def _start(self, run: str) -> tuple[int, Path]:
        self._made += 1
        name = f"{run}-{self._made}"
        log = self._folder / f"{name}.jsonl"
        keys = [f"{run}k{n}"[-10:] for n in range(2)]
        assert self._source.stdin
        assert self._source.stdout
        scene = self._scene | {"name": name, "keys": keys, "log": str(log)}
        print(json.dumps(scene), file=self._source.stdin, flush=True)
        return int(self._source.stdout.readline()), log

    def _logs(self, run: str) -> Iterator[Path]:
        yield from self._folder.glob(f"{run}-*.jsonl")


def send(number: signal.Signals, process: int) -> None:
    """Send a signal to a process; if it has ended by itself, its log tells why."""
    with suppress(ProcessLookupError):
        os.kill(process, number)


def works(log: Path) -> bool:
    """Return True if a process has begun to call the store."""
    return log.exists() and log.stat().st_size > 0


def history_in(log: Path) -> Iterator[Call]:
    """Yield the calls of one process; the last one may have no answer."""
    waiting: dict[str, Any] | None = None
    for line in log.read_text().splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            break  # killed while it wrote
        assert "problem" not in said, said
        if "begun" in said:
            waiting = said
        elif waiting:
            if "ended" in said:
                yield _call(waiting | said)
            elif waiting["kind"] != "find":
                yield _call(waiting)
            waiting = None
    if waiting and waiting["kind"] != "find":
        yield _call(waiting)


def _call(said: dict[str, Any]) -> Call:
    return Call(**said | {"expected": tuple(said.get("expected", ("", "")))})
