"""What the checklist of the CRM says is shown by the tests it names."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "docs" / "sandbox-checklist-crm.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| behaviour"))
]


def test_every_line_of_the_crm_names_a_test_that_exists_once() -> None:
    files = [*TESTS.glob("sandbox/test_crm_*.py"), *TESTS.glob("zohocrmsdk/test_*_sandbox.py")]
    defined = [
        name
        for file in files
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(ROWS) > 100
    for behaviour, _, test in ROWS:
        assert defined.count(test.strip("`")) == 1, behaviour


def test_every_source_of_the_crm_is_explained_and_used() -> None:
    explained = set(re.findall(r"^- \*\*([\w-]+)\*\*: <https://", TEXT, re.MULTILINE))
    used = {
        name
        for _, source, _ in ROWS
        for name in re.sub(r"<https://[^>]*>", "", source).replace(",", " ").split()
    }
    assert used == explained
