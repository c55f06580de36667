"""The virtual environments of this checkout: built once, and again when their recipe changes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
READY = ".ready"


class StepError(Exception):
    """A command ended with an error; its output is the message."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one environment holds.

    Args:
        name: How its folder's name begins.
        constraints: The file, at the root, that pins every version.
        extra: The project's extra it is made from.
        group: The dependency group installed beside it.
        project: Whether the project itself is installed, editable, or only what the extra names.
    """

    name: str
    constraints: str
    extra: str
    group: str | None = None
    project: bool = True


DEMO = Recipe("demo", "constraints.txt", extra="cli")
TEST = Recipe("test", "constraints.txt", extra="all", group="test")
SDK = Recipe("sdk", "constraints-sdk.txt", extra="sdk", group="examples")


@contextmanager
def environment(recipe: Recipe, root: Path = ROOT) -> Iterator[Path]:
    """Yield the environment's Python; built first where needed, never cleared while in use."""
    home = root / ".venv"
    home.mkdir(exist_ok=True)
    folder = home / f"{recipe.name}-{_key(recipe, root)}"
    with _lock_file(folder).open("w") as lock:
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if (folder / READY).exists():
                break
            # Going from shared to exclusive lets go in between: another may have built it by now.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / READY).exists():
                _build(recipe, root, folder)
                _clear_older(recipe, folder)
        yield folder / "bin" / "python"


def run(command: list[str], cwd: Path) -> str:
    """Run ``command`` quietly and return its output.

    Raises:
        StepError: It ended with an error.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise StepError(f"{' '.join(command)}\n{done.stdout}".rstrip())
    return done.stdout


def _key(recipe: Recipe, root: Path) -> str:
    """Name everything the environment is made from, its place included: they cannot be moved."""
    pyproject = _pyproject(root)
    parts = [
        str(root),
        sys.executable,
        sys.version,
        repr(recipe),
        (root / recipe.constraints).read_text(),
        json.dumps([pyproject.get(part) for part in ("build-system", "project")]),
        json.dumps(pyproject.get("dependency-groups")),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _build(recipe: Recipe, root: Path, folder: Path) -> None:
    started = time.monotonic()
    print(f"setting up the {recipe.name} environment ...", file=sys.stderr, flush=True)
    pyproject = _pyproject(root)
    wanted = list(pyproject["dependency-groups"][recipe.group]) if recipe.group else []
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(folder)], root)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--no-input", "install"]
    pip += ["--disable-pip-version-check", "--constraint", recipe.constraints]
    if recipe.project:
        # Constraints do not reach pip's isolated build environment, so the build runs in this one.
        run([*pip, *pyproject["build-system"]["requires"]], root)
        pip += ["--no-build-isolation", "--editable", f".[{recipe.extra}]"]
    else:
        wanted += pyproject["project"]["optional-dependencies"][recipe.extra]
    run([*pip, *wanted], root)
    (folder / READY).touch()
    print(f"  ready after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def _clear_older(recipe: Recipe, newest: Path) -> None:
    for folder in newest.parent.glob(f"{recipe.name}-*/"):
        if folder == newest:
            continue
        with _lock_file(folder).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # a run that began before the recipe changed still uses it
            shutil.rmtree(folder, ignore_errors=True)


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())
