from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from tools import venvs
from tools.venvs import Recipe, StepError, environment, environments

RECIPE = Recipe("test", extra="cli", groups=("test",))
PYPROJECT = """
[build-system]
requires = ["builder"]
[project]
name = "sample"
[project.optional-dependencies]
cli = ["printer"]
[dependency-groups]
test = ["checker"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "constraints.txt").write_text("builder==1\n")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run; only folders are made."""
    seen: list[list[str]] = []

    def pretend(command: list[str], _cwd: Path) -> str:
        seen.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir()
        return ""

    monkeypatch.setattr(venvs, "run", pretend)
    return seen


def built(commands: list[list[str]]) -> int:
    return sum("venv" in command for command in commands)


def path_of(root: Path, recipe: Recipe = RECIPE) -> Path:
    with environment(recipe, root) as python:
        return python.parent.parent


def test_everything_is_installed_under_the_constraints(
    root: Path, commands: list[list[str]]
) -> None:
    path_of(root)
    _, build, install = commands
    assert build[-3:] == ["--constraint", "constraints.txt", "builder"]
    assert "--constraint" in install
    assert install[-4:] == ["--no-build-isolation", "--editable", ".[cli]", "checker"]


def test_packages_of_one_environment_are_pinned_by_every_file(
    root: Path, commands: list[list[str]]
) -> None:
    files = ("constraints.txt", "constraints-more.txt")
    (root / files[1]).write_text("official==8\n")
    path_of(root, Recipe("sdk", files, extra="cli", packages=("official",)))
    install = commands[-1]
    assert [install[at + 1] for at, part in enumerate(install) if part == "--constraint"] == [
        *files
    ]
    assert install[-3:] == ["--editable", ".[cli]", "official"]


def test_it_is_built_once_until_what_it_holds_changes(
    root: Path, commands: list[list[str]]
) -> None:
    first = path_of(root)
    (root / "pyproject.toml").write_text(f"{PYPROJECT}\n[tool.unrelated]\nsetting = 1\n")
    assert path_of(root) == first
    assert built(commands) == 1
    (root / "constraints.txt").write_text("builder==2\n")
    assert path_of(root) != first
    (root / "pyproject.toml").write_text(PYPROJECT.replace("checker", "other-checker"))
    path_of(root)
    assert built(commands) == 3


def test_two_at_once_build_one(
    root: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend, company = venvs.run, Barrier(2)

    def linger(command: list[str], cwd: Path) -> str:
        with suppress(BrokenBarrierError):
            company.wait(timeout=0.2)  # until another builds too, or long enough for it to come
        return pretend(command, cwd)

    monkeypatch.setattr(venvs, "run", linger)

    def enter(_number: int) -> bool:
        with environment(RECIPE, root) as python:
            return (python.parent.parent / venvs.READY).exists()

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(enter, range(4)))
    assert built(commands) == 1


def test_several_are_built_side_by_side(
    root: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend, company = venvs.run, Barrier(3)

    def meet(command: list[str], cwd: Path) -> str:
        if "venv" in command:
            company.wait(timeout=60)  # breaks where one is built after the other
        return pretend(command, cwd)

    monkeypatch.setattr(venvs, "run", meet)
    recipes = [Recipe(name, extra="cli") for name in ("one", "two", "three")]
    with environments(recipes, root) as pythons:
        names = [python.parent.parent.name.partition("-")[0] for python in pythons]
    assert names == ["one", "two", "three"]
    assert built(commands) == 3


def test_one_that_cannot_be_built_lets_go_of_the_others(
    root: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend = venvs.run

    def refuse(command: list[str], cwd: Path) -> str:
        if "lost" in command:
            raise StepError("no such package")
        return pretend(command, cwd)

    monkeypatch.setattr(venvs, "run", refuse)
    lost = Recipe("lost", extra="cli", packages=("lost",))
    with pytest.raises(StepError, match="no such package"), environments([RECIPE, lost], root):
        pass
    (root / "constraints.txt").write_text("builder==2\n")
    newest = path_of(root)
    assert sorted(root.glob(".venv/test-*/")) == [newest]


def test_an_older_one_goes_when_nobody_uses_it(root: Path, commands: list[list[str]]) -> None:
    with environment(RECIPE, root) as python:
        (root / "constraints.txt").write_text("builder==2\n")
        second = path_of(root)
        assert python.parent.parent.exists()
    (root / "constraints.txt").write_text("builder==3\n")
    third = path_of(root)
    assert sorted(root.glob(".venv/test-*/")) == [third]
    assert not second.exists()
    assert built(commands) == 3


def test_a_build_that_was_cut_off_begins_anew(
    root: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend = venvs.run

    def cut_off(command: list[str], cwd: Path) -> str:
        if "pip" in command:
            raise KeyboardInterrupt
        return pretend(command, cwd)

    with monkeypatch.context() as patch:
        patch.setattr(venvs, "run", cut_off)
        with pytest.raises(KeyboardInterrupt):
            path_of(root)
    assert (path_of(root) / venvs.READY).exists()
    assert built(commands) == 2


def test_a_step_that_fails_shows_what_it_printed(tmp_path: Path) -> None:
    code = "import sys; print('out'); sys.exit('err')"
    with pytest.raises(StepError, match=r"import sys") as caught:
        venvs.run([sys.executable, "-c", code], tmp_path)
    assert {"out", "err"} <= set(str(caught.value).splitlines())
    assert venvs.run([sys.executable, "-c", "print('fine')"], tmp_path) == "fine\n"
