"""Plants faults in a copy of the tree, one by one, and says which test notices each."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tools.plants import PLANTS, Change, Plant
from tools.venvs import ROOT, StepError

__all__ = ["TESTS_FAILED", "apply", "hunt"]

COPIED = ("src", "tests", "tools", "pyproject.toml")
"""What the tests of the plants need."""

PACKAGE = Path("src", "evergrant")
TESTS_FAILED = 1
"""What pytest answers when tests have run and some have failed."""

_FAILED = re.compile(r"^FAILED tests/(\S+?)(\[.*)?( - .*)?$", re.MULTILINE)


def apply(change: Change, root: Path) -> None:
    """Make a change below this folder.

    Raises:
        StepError: The line is not there, or there twice: the plant must be brought up to date.
    """
    path = root / PACKAGE / change.file
    text = path.read_text()
    if text.count(change.old) != 1:
        raise StepError(f"{change.file} does not have exactly one: {change.old.strip()}")
    path.write_text(text.replace(change.old, change.new))


def hunt(python: Path, plants: Sequence[Plant] = PLANTS, root: Path = ROOT) -> int:
    """Plant each fault and print what catches it; return how many survive.

    Raises:
        StepError: The tests fail as they are, or a plant does not fit the code.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, copy / name)
        status, said = _pytest(python, copy, dict.fromkeys(t for p in plants for t in p.tests))
        if status:
            raise StepError(f"the tests fail without any plant:\n{said}")
        return sum(not _is_caught(python, copy, plant, root) for plant in plants)


def _is_caught(python: Path, copy: Path, plant: Plant, root: Path) -> bool:
    began = time.monotonic()
    for change in plant.changes:
        apply(change, copy)
    status, said = _pytest(python, copy, plant.tests, "--exitfirst")
    for change in plant.changes:
        shutil.copy2(root / PACKAGE / change.file, copy / PACKAGE / change.file)
    caught = _FAILED.search(said) if status == TESTS_FAILED else None
    by = f"caught by {caught[1]}" if caught else f"SURVIVED (pytest answered {status})\n{said}"
    print(f"{plant.fault} - {by} ({time.monotonic() - began:.1f} s)", flush=True)
    return bool(caught)


def _pytest(
    python: Path, copy: Path, tests: Sequence[str] | dict[str, None], *options: str
) -> tuple[int, str]:
    chosen = [f"tests/{test}" for test in tests]
    # Not the installed package's code, and no byte code of a file that was changed back since.
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=60", *options, *chosen],
        cwd=copy,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr
