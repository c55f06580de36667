"""A simulated day, and a month: nothing is lost, nobody waits, and Zoho is asked evenly."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from evergrant import TokenStore, open_store
from evergrant.sandbox import Sandbox
from tests.simulation.invariant_checker import InvariantChecker
from tests.simulation.scenario import Scene, play
from tests.simulation.user import MINUTE
from tests.support.soak import Soak

MOST_UNEVEN = 1.2
"""The peak of the requests for access tokens, in mean ones."""

MANY = 500
"""Users from which on an extra request or two no longer weigh."""

HANDFUL = 15
"""Requests more that chance may bring together in ten minutes where there are few users."""


@pytest.fixture(autouse=True)
def _no_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what counts in real seconds take none: an hour is over in a moment here."""
    monkeypatch.setattr(logging.getLogger("evergrant"), "disabled", True)
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))
    monkeypatch.setattr("evergrant._core.stale_if_error.RETRY_S", 0.0)


def note(soak: Soak, scene: Scene, checker: InvariantChecker) -> None:
    """Write down what was seen."""
    peak, mean = checker.peak(scene.ordinary_minutes())
    with_outages, _ = checker.peak([range(60, scene.minutes)])
    soak.note(
        "days in the life of an app",
        users=scene.users,
        days=scene.days,
        scheduler=scene.scheduler,
        never=sum(checker.wrong.values()),
        mean=round(mean, 1),
        peak=f"{peak / mean:.2f}",
        peak_with_outages=f"{with_outages / mean:.2f}",
        **{what.replace("'", ""): number for what, number in sorted(checker.counts.items())},
    )


@pytest.mark.parametrize(
    ("few", "full", "pause"),
    [((60, 1), (MANY, 1), MINUTE), ((15, 1.5), (MANY, 30), 2 * MINUTE)],
    ids=["a-day", "a-month"],
)
@pytest.mark.timeout(0)
def test_nothing_is_lost_and_nobody_waits_and_zoho_is_asked_evenly(
    few: tuple[int, float], full: tuple[int, float], pause: float, tmp_path: Path, soak: Soak
) -> None:
    users, days = full if soak.full else few
    scene = Scene(users, days, tmp_path, pause=pause)
    checker = play(scene)
    note(soak, scene, checker)
    assert not +checker.wrong
    assert checker.counts["waits while the accounts server was down"] == 0
    assert checker.counts["requests for an access token"] > 30 * users * days
    peak, mean = checker.peak(scene.ordinary_minutes())
    assert peak <= MOST_UNEVEN * mean + (HANDFUL if users < MANY else 0)


def test_who_calls_often_never_waits_without_a_scheduler_either(tmp_path: Path, soak: Soak) -> None:
    scene = Scene(soak.rounds(40, MANY), 1, tmp_path, scheduler=False)
    checker = play(scene)
    note(soak, scene, checker)
    assert not +checker.wrong
    assert checker.counts["waits of who calls rarely"] > 0, "nobody refreshed it for them"


def test_processes_on_one_file_lose_nothing_either(tmp_path: Path) -> None:
    def open_one(zoho: Sandbox) -> TokenStore:
        return open_store(f"sqlite:///{tmp_path}/tokens.db", clock=zoho.clock)

    checker = play(Scene(10, 0.35, tmp_path, pause=3 * MINUTE), open_one)
    assert not +checker.wrong
    assert checker.counts["waits while the accounts server was down"] == 0


def test_the_same_seed_is_the_same_story(tmp_path: Path) -> None:
    """What happens is drawn beforehand, and threads decide nothing that is counted here."""
    told = [play(Scene(10, 0.2, tmp_path / name)).counts for name in ("first", "second")]
    assert told[0]["tokens handed out"] == told[1]["tokens handed out"]
    assert told[0]["logins"] == told[1]["logins"]
