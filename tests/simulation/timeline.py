"""What happens when: the clock jumps from one moment to the next at which something does."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from evergrant.sandbox.clock import SandboxClock

__all__ = ["Timeline"]

Action = Callable[[], object]


class Timeline:
    """A queue of actions on a frozen clock.

    Args:
        clock: Is moved.
        settle: Is called before the clock moves: what goes on in other threads takes no time.

    Attributes:
        seconds: Since the beginning.
    """

    def __init__(self, clock: SandboxClock, settle: Action) -> None:
        self.seconds = 0.0
        self._clock = clock
        self._settle = settle
        self._queue: list[tuple[float, int, Action]] = []
        self._order = count()

    def after(self, seconds: float, action: Action) -> None:
        """Do something once, so many seconds from now."""
        heapq.heappush(self._queue, (self.seconds + seconds, next(self._order), action))

    def every(self, pause: Callable[[], float], action: Action) -> None:
        """Do something again and again, each time after a pause (seconds) of its own."""

        def again() -> None:
            action()
            self.after(pause(), again)

        self.after(pause(), again)

    def run(self, until: float) -> None:
        """Let time pass up to this moment, in seconds since the beginning."""
        while self._queue and self._queue[0][0] <= until:
            at, _, action = heapq.heappop(self._queue)
            self._settle()
            self._clock.advance(seconds=at - self.seconds)
            self.seconds = at
            action()
        self._settle()
