"""Samples small faults of the core by a seed: some test must notice each.

A first run of the tests says which of them execute which line, and how long each takes. Each
mutant is then met by the tests of its own line, the quickest first.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from tools.equivalents import EQUIVALENT
from tools.executed_lines import PACKAGE, call_pytest, first_run
from tools.mutations import Mutation, mutations
from tools.venvs import ROOT, TEST

__all__ = ["MUTANTS", "Mutant", "Outcome", "hunt_sample", "sample", "tell_sample"]

MUTANTS = replace(TEST, name="mutants", packages=("coverage",))

CORE = (
    "accounts.py",
    "aio.py",
    "_oauth/retry.py",
    "auth.py",
    "_oauth/client.py",
    "clock.py",
    "_fork.py",
    "keeper.py",
    "_concurrency/*.py",
    "_core/*.py",
    "_lifeboat/*.py",
    "_oauth/redirect.py",
    "_oauth/protocol.py",
    "_oauth/errors.py",
    "policy.py",
    "_oauth/transport.py",
    "stores/*.py",
    "token.py",
)
"""What keeps the promises, whatever the storage."""

SHARES = (
    (
        "tests/unit",
        "tests/security/test_encrypted_rows.py",
        "tests/contract/test_stores.py",
        "tests/concurrency/test_threads.py",
    ),
    (
        "tests/keeper",
        "tests/sdk/bridge",
        "tests/contract/test_model.py",
        "tests/concurrency/test_interleaved.py",
        "tests/concurrency/test_locks*.py",
        "tests/stores/test_[clmnu]*.py",
        "tests/stores/test_aws_lost_indexes.py",
        "tests/stores/test_file_*.py",
        "tests/stores/test_foreign_files.py",
        "tests/stores/test_recreated_rows.py",
        "tests/stores/test_sqlite_[dfrst]*.py",
    ),
)
"""The tests that a mutant may meet: two shares, which the first run takes side by side."""

IN_PROCESSES = {"_fork.py": ("tests/unit/test_fork.py", "tests/concurrency/test_forks.py")}
"""Tests that execute a file in processes of their own, where no first run sees it."""

WITHOUT_SERVERS = "not MariaDB and not PostgreSQL and not Redis and not database"
COPIED = ("src", "tests", "tools", "examples", "benchmarks", "docs", "pyproject.toml")
SHORTEST_TIMEOUT = 60.0
"""Seconds; a mutant that hangs is noticed by that."""

ENOUGH = 0.95
"""The share of a sample that must be noticed."""

MOST_SECONDS = 90.0
"""How long the tests of one mutant may take, as they took in the first run."""


class Mutant(NamedTuple):
    """A mutation of one of the core's files, given below the package."""

    file: str
    mutation: Mutation
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.mutation.line} {self.mutation.operator}: {self.text}"

    @property
    def reason(self) -> str | None:
        """Why no test can notice it, as `EQUIVALENT` has it."""
        return EQUIVALENT.get((self.file, self.text, self.mutation.operator))


class Outcome(NamedTuple):
    """What became of a mutant: the test that failed, or nothing."""

    mutant: Mutant
    noticed_by: str | None


def core_files(root: Path = ROOT) -> list[Path]:
    """Return the files that are sampled."""
    return sorted(path for pattern in CORE for path in (root / PACKAGE).glob(pattern))


def sample(seed: int, count: int, root: Path = ROOT) -> list[Mutant]:
    """Return so many mutants, chosen by a seed; the same for the same tree."""
    every = []
    for path in core_files(root):
        source, name = path.read_bytes(), str(path.relative_to(root / PACKAGE))
        lines = source.decode().splitlines()
        every += [Mutant(name, one, lines[one.line - 1].strip()) for one in mutations(source)]
    return random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311 - no secret


def tell_sample(python: Path, seed: int, count: int) -> bool:
    """Try a sample, print what became of each; return True if enough were noticed."""
    chosen = sample(seed, count)
    for mutant in chosen:
        if mutant.reason:
            print(f"equivalent  {mutant} - {mutant.reason}", flush=True)
    outcomes = []
    for outcome in hunt_sample(python, chosen):
        outcomes.append(outcome)
        how = f"noticed by {outcome.noticed_by}" if outcome.noticed_by else "SURVIVED"
        print(f"{how}  {outcome.mutant}", flush=True)
    noticed = sum(outcome.noticed_by is not None for outcome in outcomes)
    print(f"seed {seed}: {noticed} of {len(outcomes)} small faults of the core are noticed")
    return noticed >= ENOUGH * len(outcomes)


def hunt_sample(python: Path, chosen: Sequence[Mutant], root: Path = ROOT) -> Iterator[Outcome]:
    """Try mutants; yield what became of each that is not equivalent.

    Raises:
        StepError: The tests fail as they are.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = [_copy(root, Path(folder, str(number))) for number in range(len(SHARES))]
        executed = first_run(python, made, SHARES, WITHOUT_SERVERS)
        copies: SimpleQueue[Path] = SimpleQueue()
        for copy in made:
            copies.put(copy)

        def met(mutant: Mutant) -> Outcome:
            with _borrowed(copies) as copy:
                line = mutant.mutation.line
                tests = executed.tests_of(mutant.file, line, MOST_SECONDS)
                tests += IN_PROCESSES.get(mutant.file, ())
                return Outcome(mutant, _noticed(python, copy, mutant, tests))

        with ThreadPoolExecutor(len(made)) as threads:
            yield from threads.map(met, [one for one in chosen if not one.reason])


@contextmanager
def _borrowed(copies: SimpleQueue[Path]) -> Iterator[Path]:
    copy = copies.get()
    try:
        yield copy
    finally:
        copies.put(copy)


def _copy(root: Path, copy: Path) -> Path:
    copy.mkdir()
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    return copy


def _noticed(python: Path, copy: Path, mutant: Mutant, tests: Sequence[str]) -> str | None:
    if not tests:
        return None
    path, chosen = copy / PACKAGE / mutant.file, copy / "chosen.txt"
    source = path.read_bytes()
    chosen.write_text("\n".join(tests))
    path.write_bytes(mutant.mutation.apply(source))
    try:
        timeout = SHORTEST_TIMEOUT + 3 * MOST_SECONDS
        done = call_pytest(
            python, copy, "--timeout=30", "--exitfirst", f"@{chosen}", timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return "the time limit"
    finally:
        path.write_bytes(source)
    if done.returncode == 0:
        return None
    failed = [
        line
        for line in done.stdout.splitlines()
        if line.startswith(("FAILED tests", "ERROR tests"))
    ]
    return failed[0] if failed else f"pytest, which answered {done.returncode}"
