"""What fails: Zoho's accounts server, for a moment or longer, and the store of all processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal

from evergrant.sandbox import Sandbox
from tests.simulation.failing_store import FragileStore
from tests.simulation.invariant_checker import InvariantChecker
from tests.simulation.timeline import Timeline
from tests.simulation.user import HOUR, MINUTE

__all__ = ["Outages"]

OUTAGE = 20 * MINUTE
AFTERMATH = HOUR
"""How long an outage is felt: as long as a token lives."""

SPARED = 20 * MINUTE
"""Before an outage of Zoho's: a token whose refresh, at half of its hour, meets an error has up to
a quarter of an hour less for what comes next, and may not outlast both."""

ACCOUNTS_DOWN, READ_ONLY, STORE_DOWN = 6 * HOUR, 9 * HOUR, 20 * HOUR
"""When on a bad day."""


class Outages:
    """What is down, and when.

    Args:
        store: The one that fails; None where it does not.
    """

    def __init__(
        self,
        zoho: Sandbox,
        store: FragileStore | None,
        checker: InvariantChecker,
        timeline: Timeline,
        random: Random,
    ) -> None:
        self._zoho = zoho
        self._store = store
        self._checker = checker
        self._timeline = timeline
        self._random = random
        self._spared = False

    def stumble(self) -> None:
        """Let Zoho answer with errors, for up to a minute."""
        if not self._checker.outage and not self._spared:
            self._zoho.faults.server_error(self._random.choice([500, 502, 503]), times=None)
            self._timeline.after(self._random.uniform(1, MINUTE), self._catch_itself)

    def _catch_itself(self) -> None:
        if self._checker.outage != "accounts server":
            self._zoho.faults.clear()

    def plan(self, day: float, recovered: Callable[[], object]) -> list[tuple[int, int]]:
        """Plan a bad day; return when, in minutes, what is not ordinary begins and ends.

        Args:
            day: When it begins, in seconds.
            recovered: Is called when a store that was down has been well for a while.
        """
        self._timeline.after(day + ACCOUNTS_DOWN - SPARED, partial(setattr, self, "_spared", True))
        self._timeline.after(day + ACCOUNTS_DOWN, self._accounts_fail)
        moments = [ACCOUNTS_DOWN]
        if self._store:
            self._timeline.after(day + READ_ONLY, partial(self._store_is, "read-only"))
            self._timeline.after(day + STORE_DOWN, partial(self._store_is, "down"))
            for moment in (READ_ONLY, STORE_DOWN):
                self._timeline.after(day + moment + 2 * OUTAGE, recovered)
            moments += [READ_ONLY, STORE_DOWN]
        felt = OUTAGE + AFTERMATH
        return [(int((day + m) / MINUTE), int((day + m + felt) / MINUTE)) for m in moments]

    def _accounts_fail(self) -> None:
        self._spared = False
        self._zoho.faults.server_error(503, path="/oauth/", times=None)
        self._checker.outage = "accounts server"
        self._timeline.after(OUTAGE, self._zoho.faults.clear)
        self._calm_down()

    def _store_is(self, health: Literal["well", "read-only", "down"]) -> None:
        assert self._store
        self._store.health = health
        if health != "well":
            self._checker.outage = "store"
            self._timeline.after(OUTAGE, partial(self._store_is, "well"))
            self._calm_down()

    def _calm_down(self) -> None:
        self._timeline.after(OUTAGE + 2 * MINUTE, partial(setattr, self._checker, "outage", None))
