"""What the checklist says is shown by the tests it names."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
CHECKLIST = (HERE.parents[1] / "docs" / "sandbox-checklist.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in CHECKLIST.splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| behaviour"))
]


def test_every_line_has_a_source_and_names_a_test_that_exists() -> None:
    tests = {
        name
        for path in HERE.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(ROWS) > 50
    for behaviour, source, test in ROWS:
        assert behaviour
        assert re.search(r"https://|^[a-z]", source), behaviour
        assert test.strip("`") in tests, test


def test_every_short_name_of_a_source_is_explained_and_used() -> None:
    explained = set(re.findall(r"^- \*\*([\w-]+)\*\*: <https://", CHECKLIST, re.MULTILINE))
    plain = [re.sub(r"<[^>]*>|\([^)]*\)", "", source) for _, source, _ in ROWS]
    used = {
        name.strip()
        for source in plain
        for name in re.split(r"[,;]", source)
        if name.strip() and name.strip() != "seen to work"
    }
    assert used == explained
