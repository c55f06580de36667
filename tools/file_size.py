"""Fail when a Python file under the given folders is longer than a room should be."""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 300  # lines


def too_long(folders: list[Path]) -> list[str]:
    """Name each file beyond the limit, with its length."""
    sizes = [
        (len(file.read_text(encoding="utf-8").splitlines()), file)
        for folder in folders
        for file in sorted(folder.rglob("*.py"))
    ]
    return [f"{file}: {lines} lines, {LIMIT} allowed" for lines, file in sizes if lines > LIMIT]


if __name__ == "__main__":
    sys.exit("\n".join(too_long([Path(name) for name in sys.argv[1:]])) or 0)
