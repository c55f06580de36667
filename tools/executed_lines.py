"""Learns which test executes which line of the package, and how many seconds each test takes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tools.venvs import StepError

__all__ = ["PACKAGE", "Executed", "call_pytest", "first_run"]

PACKAGE = Path("src", "evergrant")
FEW = 30
"""Tests."""

QUIET = ("-q", "-p", "no:cacheprovider")

_WATCH = """
import json
import time
import coverage
import pytest

TIMES = {}

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    running = coverage.Coverage.current()
    if running:
        running.switch_context(item.nodeid)
    began = time.monotonic()
    answer = yield
    TIMES[item.nodeid] = time.monotonic() - began
    if running:
        running.switch_context("")
    return answer

def pytest_sessionfinish(session):
    with open("times.json", "w") as file:
        json.dump(TIMES, file)
"""

_EXTRACT = """
import json
import sys
from coverage import CoverageData

data = CoverageData(sys.argv[1])
data.read()
tests = sorted(data.measured_contexts())
numbers = {name: number for number, name in enumerate(tests)}
lines = {
    file: {
        line: [numbers[name] for name in names if name]
        for line, names in data.contexts_by_lineno(file).items()
    }
    for file in data.measured_files()
}
with open(sys.argv[2], "w") as file:
    json.dump({"tests": tests, "lines": lines}, file)
"""
# Coverage's own report in JSON writes each name in full: 300 megabytes.


class Executed(NamedTuple):
    """Which tests execute a line of a file of the package, and the seconds that each takes."""

    by_line: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def tests_of(self, file: str, line: int, most_seconds: float) -> list[str]:
        """Return the tests of a line, the quickest first; where they are few, others of its file.

        A line that runs once in a process is known to one test, whichever needs it.

        Args:
            file: Its path below the package.
            line: Its number, from 1.
            most_seconds: How long all of them may take together.
        """
        lines = self.by_line.get(file, {})
        own = set(lines.get(line, ()))
        others = {test for tests in lines.values() for test in tests} - own
        found = sorted(own, key=self._seconds)
        if len(own) < FEW:
            found += sorted(others, key=self._seconds)
        chosen: list[str] = []
        for test in found:
            most_seconds -= self._seconds(test)
            if most_seconds < 0:
                break
            chosen.append(test)
        return chosen

    def _seconds(self, test: str) -> float:
        return self.seconds.get(test, 1.0)


def first_run(
    python: Path, copies: Sequence[Path], shares: Sequence[Sequence[str]], among: str
) -> Executed:
    """Run the tests once, each share in its own copy of the tree, side by side.

    Args:
        python: Of an environment with coverage.
        copies: Of the tree.
        shares: Patterns of the tests for each copy.
        among: Which of them, as pytest's ``-k`` has it.

    Raises:
        StepError: The tests fail as they are.
    """
    with ThreadPoolExecutor(len(copies)) as threads:
        learnt = list(threads.map(partial(_watch, python, among), copies, shares))
    by_line: dict[str, dict[int, list[str]]] = {}
    seconds: dict[str, float] = {}
    for one in learnt:
        seconds |= one.seconds
        for file, lines in one.by_line.items():
            for line, tests in lines.items():
                by_line.setdefault(file, {}).setdefault(line, []).extend(tests)
    return Executed(by_line, seconds)


def _watch(python: Path, among: str, copy: Path, tests: Sequence[str]) -> Executed:
    (copy / "watch_tests.py").write_text(_WATCH)
    data, extract = copy / "coverage", copy / "lines.json"
    covered = ["-m", "coverage", "run", f"--source={PACKAGE}", f"--data-file={data}"]
    found = [file.relative_to(copy) for pattern in tests for file in sorted(copy.glob(pattern))]
    watched = [*covered, "-m", "pytest", *QUIET, "-p", "watch_tests", "-k", among, *map(str, found)]
    done = _call([python, *watched], copy)
    if done.returncode:
        raise StepError(f"tests fail without any mutant:\n{done.stdout[-3000:]}")
    done = _call([python, "-c", _EXTRACT, data, extract], copy)
    if done.returncode:
        raise StepError(f"what the tests executed cannot be read:\n{done.stdout[-3000:]}")
    told, source = json.loads(extract.read_text()), (copy / PACKAGE).resolve()
    names = told["tests"]
    by_line = {
        str(Path(file).relative_to(source)): {
            int(line): [names[number] for number in numbers] for line, numbers in lines.items()
        }
        for file, lines in told["lines"].items()
    }
    return Executed(by_line, json.loads((copy / "times.json").read_text()))


def call_pytest(
    python: Path, copy: Path, *args: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy of the tree.

    Raises:
        subprocess.TimeoutExpired: They took longer than that, in seconds.
    """
    return _call([python, "-m", "pytest", *QUIET, *args], copy, timeout)


def _call(
    command: Sequence[str | Path], copy: Path, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        # Not the installed package's code, and no byte code of a file that was changed since.
        "PYTHONPATH": f"src{os.pathsep}{copy}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        command,
        cwd=copy,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
