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
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
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
        constraints: The files, at the root, that pin every version.
        extra: The project's extras that are installed with it, editable.
        groups: The dependency groups installed beside it.
        packages: What else is installed beside it.
        python: The Python that it is made with.
    """

    name: str
    constraints: tuple[str, ...] = ("constraints.txt",)
    extra: str = "all"
    groups: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    python: str = sys.executable


DEMO = Recipe("demo", extra="cli")
TEST = Recipe("test", groups=("test", "check"))
LOWEST = Recipe(
    "lowest", ("constraints-lowest.txt",), extra="all,django,fastapi,flask", groups=("test",)
)
"""What pyproject.toml allows at the least, in its own environment."""

SDKS = {
    version: Recipe(
        f"sdk{version}",
        ("constraints.txt", "constraints-sdk.txt"),
        extra="mysql,postgres",
        groups=("examples",) if version == "8_0" else (),
        packages=(f"zohocrmsdk{version}", "mysql-connector-python"),
    )
    for version in ("8_0", "7_0", "6_0", "5_0", "2_1", "2_0")
}
"""Zoho's SDK has an import package of one name in all its versions: each has its environment."""


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


@contextmanager
def environments(recipes: Iterable[Recipe], root: Path = ROOT) -> Iterator[list[Path]]:
    """Yield the Pythons of several, in their order; those that are missing are built at once."""
    with ExitStack() as stack:
        with ThreadPoolExecutor() as threads:
            entered = threads.map(lambda one: stack.enter_context(environment(one, root)), recipes)
        yield list(entered)


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
        *((root / file).read_text() for file in recipe.constraints),
        json.dumps([pyproject.get(part) for part in ("build-system", "project")]),
        json.dumps(pyproject.get("dependency-groups")),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _build(recipe: Recipe, root: Path, folder: Path) -> None:
    started = time.monotonic()
    # One write a line: several are built at a time.
    sys.stderr.write(f"setting up the {recipe.name} environment ...\n")
    pyproject = _pyproject(root)
    groups = [pyproject["dependency-groups"][name] for name in recipe.groups]
    wanted = [*chain(*groups), *recipe.packages]
    shutil.rmtree(folder, ignore_errors=True)
    run([recipe.python, "-m", "venv", str(folder)], root)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--no-input", "install"]
    pip += ["--disable-pip-version-check"]
    pip += [part for file in recipe.constraints for part in ("--constraint", file)]
    # Constraints do not reach pip's isolated build environment, so the build runs in this one.
    run([*pip, *pyproject["build-system"]["requires"]], root)
    run([*pip, "--no-build-isolation", "--editable", f".[{recipe.extra}]", *wanted], root)
    (folder / READY).touch()
    sys.stderr.write(f"  {recipe.name} is ready after {time.monotonic() - started:.0f} s\n")


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
