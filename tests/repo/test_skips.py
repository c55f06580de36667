from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SUITE = """
import pytest

def test_runs():
    assert True

@pytest.mark.skipif(True, reason="left out")
def test_left_out():
    assert True
"""


def run(folder: Path, *arguments: str, ci: bool) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "test_suite.py").write_text(SUITE)
    environment = {name: os.environ[name] for name in ("PATH", "HOME")}
    environment["PYTHONPATH"] = str(CONFTEST.parents[1])  # what conftest.py imports
    if ci:
        environment["CI"] = "true"
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder)]
    return subprocess.run(
        [*command, *arguments, folder], env=environment, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_skip_fails_the_run_under_ci(tmp_path: Path, workers: str) -> None:
    done = run(tmp_path, "-n", workers, ci=True)
    assert done.returncode == 1
    assert "1 SKIPPED, which fails the run under CI" in done.stdout
    assert "SKIPPED test_suite.py::test_left_out" in done.stdout


def test_a_skip_elsewhere_is_said_loudly_and_passes(tmp_path: Path) -> None:
    done = run(tmp_path, ci=False)
    assert done.returncode == 0
    assert "1 SKIPPED" in done.stdout


def test_a_run_under_ci_without_a_skip_passes_and_one_without_a_test_fails(tmp_path: Path) -> None:
    assert run(tmp_path, "-k", "runs", ci=True).returncode == 0
    assert run(tmp_path, "-k", "nothing", ci=True).returncode == 5
