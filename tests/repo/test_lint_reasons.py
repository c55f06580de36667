from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOQA = re.compile(r"#\s*(?:ruff:\s*)?noqa\b.*", re.IGNORECASE)
REASONED = re.compile(r"# (?:ruff: )?noqa: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)* - \w.*")


def test_every_rule_that_is_off_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    codes = [*lint["ignore"], *(code for off in lint["per-file-ignores"].values() for code in off)]
    lines = [line for line in text.splitlines() if any(f'"{code}"' in line for code in codes)]
    assert len(lines) > len(lint["ignore"])
    assert [line for line in lines if not re.search(r"#\s*\w", line)] == []


def test_every_exception_in_the_code_names_its_rule_and_says_why() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {comment}"
        for folder in ("src", "tests", "tools", "benchmarks")
        for file in (ROOT / folder).rglob("*.py")
        if file != Path(__file__)
        for comment in NOQA.findall(file.read_text())
        if not REASONED.fullmatch(comment)
    ]
    assert not found
