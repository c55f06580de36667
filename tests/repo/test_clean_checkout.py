"""A whole run of the tests leaves the checkout as it was, or fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import dev
from tools.clean_checkout import changes, print_new_changes


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text(".cache/\n")
    (folder / "code.py").write_text("one = 1\n")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first")
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


def test_what_is_ignored_is_not_left_behind(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / ".cache").mkdir()
    (checkout / ".cache" / "file").touch()
    assert not print_new_changes(set(), checkout)
    assert capsys.readouterr().out == ""


def test_new_and_changed_files_are_named(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "resources").mkdir()
    (checkout / "resources" / "dropped.json").touch()
    (checkout / "code.py").write_text("one = 2\n")
    assert print_new_changes(set(), checkout)
    said = capsys.readouterr().out
    assert "!!! LEFT BEHIND" in said
    assert "?? resources/dropped.json" in said
    assert " M code.py" in said


def test_what_a_developer_has_changed_before_is_not_held_against_the_tests(checkout: Path) -> None:
    (checkout / "code.py").write_text("one = 2\n")
    assert not print_new_changes(changes(checkout), checkout)


def test_outside_of_a_checkout_there_is_nothing_to_compare(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert changes(tmp_path) == set()


@pytest.mark.parametrize(("left", "status"), [(False, 0), (True, 1)])
def test_a_whole_run_that_leaves_something_behind_fails(
    monkeypatch: pytest.MonkeyPatch, *, left: bool, status: int
) -> None:
    states = iter([set(), {"?? dropped.json"} if left else set()])
    monkeypatch.setattr("tools.clean_checkout.changes", lambda root=None: next(states))
    monkeypatch.setattr(dev, "changes", lambda: next(states))
    monkeypatch.setattr(dev, "_prepare", lambda: None)
    monkeypatch.setattr(dev, "check", lambda args: 0)
    monkeypatch.setattr(dev, "_tests", lambda recipe, args: 0)
    assert dev.test([]) == status
