"""Who refreshes a token is stopped or killed at each point of that: another one takes over.

That Zoho is asked exactly once is impossible where a process dies after Zoho answered; once more
is the most.
"""

from __future__ import annotations

import signal

import pytest

from evergrant._core.lease_heartbeat import LEASE_TTL_S
from tests.support.faults.holders_and_askers import BUSY, LATER, Cast, Outcome
from tests.support.soak import Soak

SHORT_TTL = 1.0
"""Seconds that leases run in a test run; a soak uses the real ones."""

FATES = (signal.SIGSTOP, signal.SIGKILL)


@pytest.mark.parametrize("fate", FATES, ids=["stopped", "killed"])
def test_a_holder_lost_at_any_point_of_a_refresh_blocks_and_overwrites_nobody(
    kind: str, fate: signal.Signals, cast: Cast, soak: Soak
) -> None:
    rounds = soak.rounds(1, 3)
    outcomes = [outcome for _ in range(rounds) for outcome in play(cast, soak, fate)]
    note(soak, f"the holder of a lease gets {fate.name}", kind, outcomes)


@pytest.mark.parametrize("ahead", [-300.0, 300.0], ids=["behind", "ahead"])
def test_a_holder_whose_clock_is_five_minutes_off_blocks_and_overwrites_nobody(
    kind: str, ahead: float, cast: Cast, soak: Soak
) -> None:
    for fate in FATES[: soak.rounds(1, 2)]:
        scenario = f"the holder of a lease, its clock {ahead:+g} s, gets {fate.name}"
        note(soak, scenario, kind, play(cast, soak, fate, ahead))


def play(cast: Cast, soak: Soak, fate: signal.Signals, ahead: float = 0.0) -> list[Outcome]:
    ttl = LEASE_TTL_S if soak.full else SHORT_TTL
    outcomes = cast.play(fate, ttl, holders_ahead=ahead)
    for outcome in outcomes:
        cast.check(outcome)
        late = outcome.rescued.seconds - ttl - LATER
        assert late <= (0 if soak.full else BUSY), outcome.label
    return outcomes


def note(soak: Soak, scenario: str, kind: str, outcomes: list[Outcome]) -> None:
    soak.note(
        scenario,
        store=kind,
        points=len(outcomes),
        most_token_calls=max(outcome.sent for outcome in outcomes),
        longest_takeover_s=round(max(outcome.rescued.seconds for outcome in outcomes), 2),
        stale_overwrites=0,
    )
