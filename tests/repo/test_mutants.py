"""Planted faults still fit the code that they take something away from."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tools.mutants import PACKAGE, apply, hunt
from tools.plants import PLANTS, Change, Plant
from tools.venvs import ROOT, StepError


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.fault)
def test_a_plant_fits_the_code_and_leaves_it_whole(plant: Plant, tmp_path: Path) -> None:
    for change in plant.changes:
        path = tmp_path / PACKAGE / change.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            shutil.copy2(ROOT / PACKAGE / change.file, path)
    for change in plant.changes:
        apply(change, tmp_path)
        path = tmp_path / PACKAGE / change.file
        compile(path.read_text(), path.name, "exec")
    for test in plant.tests:
        file, *names = test.split("::")
        assert (ROOT / "tests" / file).is_file()
        assert all(name for name in names)


def test_a_plant_that_no_longer_fits_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / PACKAGE / "errors.py"
    file.parent.mkdir(parents=True)
    file.write_text("one\ntwo\ntwo\n")
    for old in ("three", "two"):
        with pytest.raises(StepError, match=f"exactly one: {old}"):
            apply(Change("errors.py", old, ""), tmp_path)


def test_a_fault_that_no_test_notices_survives(capsys: pytest.CaptureFixture[str]) -> None:
    tests = ("unit/test_rate_limit_state.py::test_what_zoho_never_saw_is_given_back",)
    caught = Plant(
        "caught", (Change("_core/rate_limit_state.py", "requests.remove(at)", "pass"),), tests
    )
    missed = Plant(
        "missed",
        (Change("_core/rate_limit_state.py", "MAX_REQUESTS = 10", "MAX_REQUESTS = 11"),),
        tests,
    )
    assert hunt(Path(sys.executable), [caught, missed]) == 1
    said = capsys.readouterr().out
    assert f"caught - caught by {tests[0]}" in said
    assert "missed - SURVIVED" in said
