"""What failed beside others is run again alone: what is broken stays broken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.rerun_failed import MOST, ROUNDS, failed_tests, pass_alone

COUNTING = """
from pathlib import Path

def test_it():
    runs = Path(__file__).with_suffix(".runs")
    runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
    assert len(runs.read_text()) not in {failing}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def failing_in(root: Path, *rounds: int) -> str:
    (root / "test_one.py").write_text(COUNTING.format(failing=set(rounds) or "()"))
    return "test_one.py::test_it"


def test_what_passes_alone_each_time_was_disturbed_and_is_named(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    test = failing_in(root)
    assert pass_alone(Path(sys.executable), [test], root)
    assert f"DISTURBED: {test}" in capfd.readouterr().err
    assert len((root / "test_one.runs").read_text()) == ROUNDS


@pytest.mark.parametrize("nth", range(1, ROUNDS + 1))
def test_what_fails_alone_even_once_is_broken(root: Path, nth: int) -> None:
    assert not pass_alone(Path(sys.executable), [failing_in(root, nth)], root)


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_no_failure_and_many_failures_are_not_looked_at_again(root: Path, count: int) -> None:
    assert not pass_alone(Path(sys.executable), [failing_in(root)] * count, root)
    assert not (root / "test_one.runs").exists()


def test_the_failures_are_those_that_pytest_noted(root: Path) -> None:
    assert failed_tests(root) == []
    noted = root / ".pytest_cache" / "v" / "cache"
    noted.mkdir(parents=True)
    (noted / "lastfailed").write_text('{"tests/a.py::test_b[c d]": true}')
    assert failed_tests(root) == ["tests/a.py::test_b[c d]"]
