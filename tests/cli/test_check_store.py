"""``evergrant check-store``: it tells good stores from bad ones, and harms none."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from evergrant.stores import open_store
from evergrant.testing import check
from evergrant.token import Token
from tests.support.cli.runner import Command

DOCUMENT = Path(__file__).parents[2] / "docs" / "stores.md"

SQLITE = """
from evergrant.stores.sqlite import SQLiteStore

class Forgetful(SQLiteStore):
    def find_token_by_id(self, id):
        found = super().find_token_by_id(id)
        return None if found and found.user_name == "alice@example.com:60001" else found

def make(folder):
    return Forgetful(f"{folder}/tokens.db")
"""

NO_LISTING = """class make:
    find_token = save_token = delete_token = delete_tokens = find_token_by_id = print
    def get_tokens(self): raise OSError('gone')
"""

DISTURBING = {
    "conftest.py": "raise RuntimeError('their conftest')",
    "pytest.ini": "[pytest]\naddopts = --no-such-option\n",
    "random.py": "raise RuntimeError('their module of that name')",
    "sitecustomize.py": "print('noise')",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without anything of evergrant's."""
    here = tmp_path / "project"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_the_documented_store_keeps_every_promise_whatever_surrounds_it(
    run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)[
        0
    ]
    (folder / "mystore.py").write_text(source)
    for name, text in DISTURBING.items():
        (folder / name).write_text(text)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    result = run("check-store", "mystore:MyStore", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["store"], told["six_methods"], told["broken"]) == ("MyStore", True, 0)
    states = [promise["state"] for promise in told["promises"]]
    assert states.count("beyond") == len(check.BEYOND_SIX_METHODS)
    assert states.count("kept") == len(states) - len(check.BEYOND_SIX_METHODS) > 80
    assert any("two processes may both refresh" in note for note in told["notes"])
    assert any("one handle only" in note for note in told["notes"])
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"mystore.py", *DISTURBING}


def test_a_broken_promise_is_told_with_its_reason(run: Command, folder: Path) -> None:
    (folder / "mine.py").write_text(SQLITE)
    result = run("check-store", "mine:make")
    assert result.exit_code == 1, result.output
    lines = result.stdout.splitlines()
    (line,) = (line for line in lines if " finds by id " in line)
    assert line.startswith("broken")
    assert "None == Token(id='1'" in line
    (line,) = (line for line in lines if "a writer that is killed" in line)
    assert line.startswith("kept")
    assert (
        "Finding: the order of criteria, what else must match, and what matches nothing."
        in result.stdout
    )
    assert re.fullmatch(r"Forgetful: \d+ promises kept, \d+ broken", lines[-1])
    assert "planted-" not in result.output


def test_a_store_that_takes_the_whole_process_down_is_told_too(run: Command, folder: Path) -> None:
    (folder / "mine.py").write_text(
        dedent("""
        import os
        from evergrant.stores.memory import MemoryStore

        class Crashes(MemoryStore):
            def save_token(self, token, *, expected_version=None):
                os._exit(3)
        """)
    )
    result = run("check-store", "mine:Crashes", "--json")
    assert result.exit_code == 1
    reasons = Counter(promise["reason"] for promise in json.loads(result.stdout)["promises"])
    assert reasons["it never ended"] == 1
    assert reasons["it was not reached"] > 50


def test_a_store_with_tokens_in_it_is_refused_and_untouched(run: Command, folder: Path) -> None:
    with open_store("sqlite:///real.db") as store:
        kept = store.save_token(Token(user_name="alice", access_token="real"))
    (folder / "mine.py").write_text(
        "from evergrant import open_store\nmake = lambda: open_store('sqlite:///real.db')\n"
    )
    before = (folder / "real.db").read_bytes()
    result = run("check-store", "mine:make")
    assert result.exit_code == 2
    assert "is not empty; nothing in it was touched" in result.stderr
    assert (folder / "real.db").read_bytes() == before
    with open_store("sqlite:///real.db") as store:
        assert store.get_tokens() == [kept]


@pytest.mark.parametrize(
    ("spec", "source", "said"),
    [
        ("mine", "", "'mine' is not the name of a factory. Write module:factory"),
        ("mine:", "", "is not the name of a factory"),
        ("missing:make", "", "missing does not import: ModuleNotFoundError"),
        (
            "mine:make",
            "1 / 0",
            "mine does not import: ZeroDivisionError: division by zero (mine.py",
        ),
        ("mine:make", "x = (", "mine does not import: SyntaxError"),
        ("mine:make", "import sys; sys.exit(3)", "mine does not import: SystemExit"),
        ("mine:make", "", "the module mine has no factory make"),
        ("mine:make", "make = 3", "the module mine has no factory make"),
        (
            "mine:make",
            "def make(): raise OSError('no route to host')",
            "mine:make makes no store: OSError: no route to host (mine.py, line 1)",
        ),
        ("mine:make", "def make(): return None", "makes no store: this NoneType is no token store"),
        ("mine:make", "def make(a, b): pass", "mine:make wants 2 arguments"),
        (
            "mine:make",
            "class make:\n find_token=save_token=get_tokens=delete_tokens=find_token_by_id=print",
            "it has no delete_token.",
        ),
        (
            "mine:make",
            NO_LISTING,
            "cannot be listed: make.get_tokens failed (mine.py, line 3): OSError: gone",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused_in_one_sentence(
    run: Command, folder: Path, spec: str, source: str, said: str
) -> None:
    (folder / "mine.py").write_text(source)
    result = run("check-store", spec)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_without_pytest_it_says_what_to_install(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = run("check-store", "mine:make")
    assert result.exit_code == 2
    assert "pip install 'evergrant[testing]'" in result.stderr


def test_a_check_that_waits_for_ever_is_not_waited_for(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.touch()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        check._wait(process, report, timeout=0.3)
        assert process.poll() is None
        process.kill()
