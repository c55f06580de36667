"""A number of days in the life of an app: what goes well, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from math import ceil
from pathlib import Path
from random import Random

from evergrant import Accounts, TokenStore
from evergrant.sandbox import Sandbox
from evergrant.sandbox.clock import SandboxClock
from tests.simulation.failing_store import FragileStore
from tests.simulation.invariant_checker import InvariantChecker
from tests.simulation.outages import Outages
from tests.simulation.processes import Fleet
from tests.simulation.timeline import Timeline
from tests.simulation.user import HOUR, MINUTE
from tests.simulation.users import People

__all__ = ["Scene", "play"]

DAY = 24 * HOUR
START = datetime(2026, 11, 26, tzinfo=UTC)


@dataclass(slots=True)
class Scene:
    """What to play.

    Attributes:
        scheduler: Whether the processes keep tokens fresh; else they wait until somebody calls.
        pause: Seconds between two rounds of the schedulers.
        uneasy: Begin and end of what is not ordinary, in minutes.
    """

    users: int
    days: float
    folder: Path
    scheduler: bool = True
    pause: float = MINUTE
    seed: int = 4
    uneasy: list[tuple[int, int]] = field(default_factory=lambda: [(0, 60)])

    @property
    def minutes(self) -> int:
        """How long it takes."""
        return int(self.days * DAY / MINUTE)

    def ordinary_minutes(self) -> Iterator[range]:
        """Yield the spans of time in which nothing was down and nothing had just been."""
        ends = [*sorted(self.uneasy), (self.minutes, 0)]
        return (range(one[1], other[0]) for one, other in pairwise(ends) if one[1] < other[0])


def play(
    scene: Scene, open_store: Callable[[Sandbox], TokenStore] | None = None
) -> InvariantChecker:
    """Play a scene; return what the checker has seen.

    Args:
        open_store: Opens the store, for each process; by default they share one that fails.
    """
    random = Random(scene.seed)

    def about(pause: float) -> Callable[[], float]:
        return lambda: pause * random.uniform(0.1, 1.9)

    with Sandbox(data_centers=("us",), clock=SandboxClock(START, frozen=True)) as zoho:
        checker = InvariantChecker(zoho, scheduler=scene.scheduler)
        accounts = Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            send=checker.send,
            clock=zoho.clock,
            sleep=lambda seconds: None,
        )
        fragile = FragileStore(clock=zoho.clock)
        open_one = partial(open_store, zoho) if open_store else lambda: fragile
        fleet = Fleet(open_one, accounts, scene.folder / "lifeboat", random)
        timeline = Timeline(zoho.clock, fleet.settle)
        people = People(zoho, fleet, checker, timeline, random)
        for _ in range(scene.users):
            people.join()
        if scene.scheduler:
            timeline.every(lambda: scene.pause, fleet.round)
        timeline.every(about(HOUR), fleet.restart)
        timeline.every(about(2 * HOUR), people.one_logs_in_anew)
        timeline.every(about(3 * HOUR), people.one_revokes_at_zoho)
        timeline.every(about(4 * HOUR), people.one_revokes_in_the_app)
        timeline.every(lambda: 6 * HOUR, people.count_the_lost)
        outages = Outages(zoho, None if open_store else fragile, checker, timeline, random)
        timeline.every(about(HOUR), outages.stumble)
        for day in range(0, ceil(scene.days), 10):
            scene.uneasy += outages.plan(day * DAY, people.all_is_restored)
        timeline.run(scene.days * DAY)
        people.count_the_lost()
        fleet.close()
    return checker
