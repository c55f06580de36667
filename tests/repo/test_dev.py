from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEV = Path(__file__).parents[2] / "dev"


def script(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> list[Path]:
    """A PATH on which no Python runs: a broken shim, one that is too old, and nothing else."""
    tools, shims, old = (tmp_path / name for name in ("tools", "shims of a manager", "old"))
    script(shims / "python3", "echo 'no such version' >&2", "exit 127")
    script(shims / "python3.12", "exit 127")
    script(old / "python3", "exit 1")
    tools.mkdir()
    (tools / "dirname").symlink_to(shutil.which("dirname") or "")
    return [tools, shims, old]


def dev(path: list[Path], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": ":".join(map(str, path))}
    return subprocess.run(
        [DEV, *arguments], env=environment, check=False, capture_output=True, text=True
    )


def test_no_python_that_runs_is_said_plainly(path: list[Path]) -> None:
    done = dev(path, "help")
    assert done.returncode == 1
    assert done.stderr == "dev: no Python 3.11 or later with its venv module runs from PATH\n"


@pytest.mark.parametrize("name", ["python3", "python3.13", "python3.11"])
def test_broken_shims_and_old_pythons_are_passed_over(path: list[Path], name: str) -> None:
    script(path[0].parent / "good ones" / name, f'exec "{sys.executable}" "$@"')
    done = dev([*path, path[0].parent / "good ones"], "help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "./dev COMMAND" in done.stdout


def test_an_unknown_command_is_an_error_and_shows_the_known(path: list[Path]) -> None:
    done = dev([*path, Path(sys.executable).parent], "frobnicate")
    assert done.returncode == 2
    assert "no command 'frobnicate'" in done.stderr
    assert "demo" in done.stderr
