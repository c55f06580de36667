"""Waiting for a store to change: the waiter learns that it did, not what."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Self

__all__ = ["Watch"]

POLL_CHANGE_S = 0.005
"""Seconds between two looks at the store's pulse, which is cheap to feel."""

POLL = 0.05
"""Seconds after which the store itself is worth a look where it has none."""


class Watch:
    """Waits for the next change of a store; nothing that happens after its making is missed.

    Args:
        pulse: Differs once the store has changed; None where it cannot tell.
    """

    def __init__(self, pulse: Callable[[], Hashable]) -> None:
        self._pulse = pulse
        self._seen = pulse()

    def wait(self, seconds: float) -> None:
        """Return once the store has, or may have, changed; at the latest after so many seconds."""
        if self._seen is None:
            time.sleep(min(seconds, POLL))
            return
        until = time.monotonic() + seconds
        while (now := self._pulse()) == self._seen and time.monotonic() < until:
            time.sleep(POLL_CHANGE_S)
        self._seen = now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop watching."""
