"""Storms: many callers in many processes who all begin at the same moment."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from evergrant.sandbox import Sandbox

__all__ = ["COUNTDOWN", "LATENCY", "Answer", "Storm", "quantile", "slowest_allowed", "waits"]

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("storm_processes.py")

COUNTDOWN = 0.2
"""Seconds from the moment when all are ready to the beginning."""

LATENCY = 1.0
"""Seconds that Zoho takes to refresh a token in a storm."""

LIMIT = 600.0
"""Seconds until a storm that hangs ends the test."""


class Answer(NamedTuple):
    """What one caller got: a value or the class of an error, seconds after the common beginning."""

    user: str
    got: str
    wait: float


class Storm:
    """Lets callers in processes of their own ask for tokens of one store.

    Args:
        lifeboat: Where they keep what the store does not take.
    """

    def __init__(self, zoho: Sandbox, store_url: str, lifeboat: Path) -> None:
        self._scene = {
            "store": store_url,
            "lifeboat": str(lifeboat),
            "zoho": zoho.url,
            "client": [zoho.client.client_id, zoho.client.client_secret],
        }

    def __call__(
        self, way: str, callers: list[list[str]], *, threads: int | None = None
    ) -> list[Answer]:
        """Let callers ask at the same moment; return what each got.

        Args:
            way: How they ask: a ``keeper``, the bridge's ``desk``, or the store to ``save``.
            callers: For each process, whom its callers ask for.
            threads: Of each process; one for each caller where it is not said.
        """
        scene = self._scene | {"way": way, "callers": callers, "threads": threads}
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=json.dumps(scene),
            stdout=subprocess.PIPE,
            text=True,
            timeout=LIMIT,
            check=True,
        )
        return [Answer(*answer) for report in json.loads(done.stdout) for answer in report]


def slowest_allowed(latency: float) -> float:
    """Return how many seconds the slowest of all may wait for one refresh."""
    return 1.5 * latency + 0.1


def waits(answers: Iterable[Answer]) -> dict[str, float]:
    """Return how long callers have waited, for a soak's note."""
    found = [answer.wait for answer in answers]
    shares = {f"p{share}_s": quantile(found, share / 100) for share in (50, 95, 99)}
    figures = {"callers": len(found), **shares, "slowest_s": max(found)}
    return {name: round(figure, 2) for name, figure in figures.items()}


def quantile(values: list[float], share: float) -> float:
    """Return the smallest of some values that this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
