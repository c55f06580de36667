"""What the checklists say is shown by the tests they name."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CHECKLISTS = sorted((TESTS.parent / "docs").glob("sandbox-checklist*.md"))
FILES = [*TESTS.glob("sandbox/test_*.py"), *TESTS.glob("sdk/official/test_*_sandbox.py")]

each = pytest.mark.parametrize("path", CHECKLISTS, ids=lambda path: path.stem)


def rows(path: Path) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and not line.startswith(("|---", "| behaviour"))
    ]


def test_there_are_two_checklists() -> None:
    assert [path.stem for path in CHECKLISTS] == ["sandbox-checklist-crm", "sandbox-checklist"]


@each
def test_every_line_has_a_source_and_names_a_test_that_exists_once(path: Path) -> None:
    defined = Counter(
        name
        for file in FILES
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert len(rows(path)) > 50
    for behaviour, source, test in rows(path):
        assert behaviour
        assert re.search(r"https://|^[a-z]", source), behaviour
        assert defined[test.strip("`")] == 1, test


@each
def test_every_short_name_of_a_source_is_explained_and_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    explained = set(re.findall(r"^- \*\*([\w-]+)\*\*: <https://", text, re.MULTILINE))
    plain = [re.sub(r"<[^>]*>|\([^)]*\)", "", source) for _, source, _ in rows(path)]
    used = {
        name.strip()
        for source in plain
        for name in re.split(r"[,;]", source)
        if name.strip() and name.strip() != "seen to work"
    }
    assert used == explained
