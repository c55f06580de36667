"""Every scenario runs in each test run with few rounds; `./dev soak` runs all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

__all__ = ["Soak", "add_options", "soak"]


class Soak:
    """How much a test should do, and where its figures go.

    Args:
        full: Whether this is a soak.
        log: A file of JSON lines for the figures; None where nobody wants them.
    """

    def __init__(self, log: Path | None, *, full: bool) -> None:
        self.full = full
        self._log = log

    def rounds(self, few: int, full: int) -> int:
        """Return how many rounds to run."""
        return full if self.full else few

    def note(self, scenario: str, **figures: object) -> None:
        """Write down what was measured, under the name of the scenario."""
        if self._log:
            with self._log.open("a") as log:
                log.write(json.dumps({"scenario": scenario, **figures}) + "\n")


def add_options(parser: pytest.Parser) -> None:
    """Let `./dev soak` ask for everything."""
    parser.addoption("--soak", action="store_true", help="run every round of every scenario")
    parser.addoption("--soak-log", type=Path, help="where to write what was measured")


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> Soak:
    """Tell a test how much to do."""
    full: bool = request.config.getoption("--soak")
    return Soak(request.config.getoption("--soak-log"), full=full)
