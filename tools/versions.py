"""The versions that pyproject.toml allows, beside those of every day."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tools.venvs import LOWEST, TEST, Recipe

__all__ = ["other_versions"]

PYTHONS = ("3.11", "3.12", "3.13")
"""Those that pyproject.toml names."""


def other_versions() -> list[Recipe]:
    """Return the recipes of the lowest versions, and of each other Python that runs here.

    Says loudly which Python is not here.
    """
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = {version: _python(version) for version in PYTHONS if version != here}
    for version, python in found.items():
        if python is None:
            print(f"!!! Python {version} not found: NOTHING RUNS ON IT !!!", file=sys.stderr)
    others = [
        replace(TEST, name=f"test{version}", python=python)
        for version, python in found.items()
        if python
    ]
    return [LOWEST, *others]


def _python(version: str) -> str | None:
    """Return a Python of this version that runs: a version manager's shim may not."""
    managed = sorted(Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin"))
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, managed)])
    for folder in path.split(os.pathsep):
        python = shutil.which(f"python{version}", path=folder)
        if python and _version(python) == version:
            return python
    return None


def _version(python: str) -> str | None:
    command = [python, "-c", "import ensurepip, sys, venv; print(sys.version)"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    said = re.match(r"\d+\.\d+", done.stdout)
    return said[0] if said and done.returncode == 0 else None
