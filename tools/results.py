"""Writes benchmarks/RESULTS.md from what a soak measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.venvs import ROOT

__all__ = ["RESULTS", "write_results"]

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
SECTION = "\n## "


def write_results(log: Path, *, seconds: float, status: int) -> None:
    """Write the figures of a soak as tables, one for each scenario; others' tables stay."""
    scenarios: dict[str, list[dict[str, Any]]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        figures = json.loads(line)
        scenarios.setdefault(figures.pop("scenario"), []).append(figures)
    ended = "all passed" if status == 0 else "something FAILED"
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, {_machine()}; "
    when += f"in {seconds / 60:.0f} minutes, {ended}."
    head, *written = RESULTS.read_text().split(SECTION)
    tables = dict(section.split("\n", 1) for section in written)
    for name, rows in scenarios.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines = ["", when, "", _row(columns), _row("---" for _ in columns)]
        lines += [_row(row.get(column, "") for column in columns) for row in rows]
        tables[name] = "\n".join([*lines, ""])
    sections = (f"{SECTION}{name}\n{tables[name].rstrip()}\n" for name in sorted(tables))
    RESULTS.write_text(f"{head.rstrip()}\n{''.join(sections)}")


def _row(cells: Any) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _commit() -> str:
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
