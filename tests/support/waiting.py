"""Waits until something has happened, for as long as a busy machine may need."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["until", "until_async"]

LIMIT_S = 60.0
PAUSE_S = 0.005


def until(
    happened: Callable[[], object],
    limit: float = LIMIT_S,
    told: Callable[[], object] = lambda: "it never happened",
    pause: float = PAUSE_S,
) -> None:
    """Return once something has happened.

    Args:
        happened: Says so, by anything that is true.
        limit: Seconds until the test fails instead.
        told: Returns what the failed test says.
        pause: Seconds between two looks.
    """
    give_up = time.monotonic() + limit
    while not happened():
        assert time.monotonic() < give_up, told()
        time.sleep(pause)


async def until_async(happened: Callable[[], object], limit: float = LIMIT_S) -> None:
    """Return once something has happened; the event loop goes on in the meantime."""
    give_up = time.monotonic() + limit
    while not happened():
        assert time.monotonic() < give_up, "it never happened"
        await asyncio.sleep(PAUSE_S)
