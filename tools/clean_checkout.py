"""Notices what a test run leaves behind in the checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.venvs import ROOT

__all__ = ["changes", "print_new_changes"]


def changes(root: Path = ROOT) -> set[str]:
    """Return the files that git sees as new or changed; none where there is no checkout."""
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    try:
        done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return set()
    return set(done.stdout.splitlines())


def print_new_changes(before: set[str], root: Path = ROOT) -> bool:
    """Print what was changed since ``before``; return True if there is anything."""
    left = sorted(changes(root) - before)
    if left:
        print("!!! LEFT BEHIND: the tests have changed the checkout, which fails the run")
        print(*left, sep="\n", flush=True)
    return bool(left)
