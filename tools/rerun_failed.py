"""Tests that failed beside others: broken, or disturbed by a busy machine?

A full run starts servers, kills processes and measures waits on however few cores there are. One
test disturbed by that must not be taken for a fault of the product, and must not be hidden either.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tools.venvs import ROOT

__all__ = ["MOST", "ROUNDS", "failed_tests", "pass_alone"]

MOST = 2
"""More failures than this are nobody's disturbance."""

ROUNDS = 3
"""How often each must pass, alone, before it counts as disturbed: a race of ours would show."""


def failed_tests(root: Path = ROOT) -> list[str]:
    """Return the tests that failed in the full run that has just ended."""
    noted = root / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return list(json.loads(noted.read_text())) if noted.exists() else []


def pass_alone(python: Path, tests: list[str], root: Path = ROOT) -> bool:
    """Run a few failed tests again, one after the other; say loudly what came of it."""
    if not 0 < len(tests) <= MOST:
        return False
    for _ in range(ROUNDS):
        if subprocess.run([python, "-m", "pytest", "-q", *tests], cwd=root, check=False).returncode:
            return False
    for test in tests:
        print(
            f"!!! DISTURBED: {test} failed beside others and passed {ROUNDS} times alone: "
            "MEND IT, it depends on how busy the machine is !!!",
            file=sys.stderr,
        )
    return True
