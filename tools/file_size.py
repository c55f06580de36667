"""Fail when a Python file under the given folders is longer than a room should be.

A file has about 300 lines, or it holds one class that is a whole: its class is then all but
`BESIDE` lines of it. No class is split to fit.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

LIMIT = 310  # lines
BESIDE = 120  # lines beside the one class of a longer file
LONGEST_CLASS = 600  # lines


def too_long(folders: list[Path]) -> list[str]:
    """Name each file beyond the limit, with its length."""
    return [
        f"{file}: {lines} lines, {allowed} allowed"
        for folder in folders
        for file in sorted(folder.rglob("*.py"))
        for lines, allowed in [_measured(file.read_text(encoding="utf-8"))]
        if lines > allowed
    ]


def _measured(text: str) -> tuple[int, int]:
    lines = len(text.splitlines())
    if lines <= LIMIT:
        return lines, LIMIT
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    longest = max((node.end_lineno or 0) - node.lineno + 1 for node in classes) if classes else 0
    is_one_class = lines - longest <= BESIDE
    return lines, LONGEST_CLASS if is_one_class else LIMIT


if __name__ == "__main__":
    sys.exit("\n".join(too_long([Path(name) for name in sys.argv[1:]])) or 0)
