"""Who refreshes a token is stopped or killed at each point of that: another one takes over.

That Zoho is asked exactly once is impossible where a process dies after Zoho answered; once more
is the most.
"""

from __future__ import annotations

import signal

import pytest

from evergrant.keeping.heartbeat import LEASE_TTL
from fault_cast import BUSY, LATER, Cast
from soak import Soak

SHORT_TTL = 1.0
"""Seconds that leases run in a test run; a soak uses the real ones."""

FATES = (signal.SIGSTOP, signal.SIGKILL)


@pytest.mark.parametrize("fate", FATES, ids=["stopped", "killed"])
def test_a_holder_lost_at_any_point_of_a_refresh_blocks_and_overwrites_nobody(
    kind: str, fate: signal.Signals, cast: Cast, soak: Soak
) -> None:
    for _ in range(soak.rounds(1, 3)):
        play(f"the holder of a lease gets {fate.name}", kind, cast, soak, fate)


@pytest.mark.parametrize("ahead", [-300.0, 300.0], ids=["behind", "ahead"])
def test_a_holder_whose_clock_is_five_minutes_off_blocks_and_overwrites_nobody(
    kind: str, ahead: float, cast: Cast, soak: Soak
) -> None:
    for fate in FATES[: soak.rounds(1, 2)]:
        scenario = f"the holder of a lease, its clock {ahead:+g} s, gets {fate.name}"
        play(scenario, kind, cast, soak, fate, ahead)


def play(
    scenario: str, kind: str, cast: Cast, soak: Soak, fate: signal.Signals, ahead: float = 0.0
) -> None:
    ttl = LEASE_TTL if soak.full else SHORT_TTL
    for outcome in cast.play(fate, ttl, holders_ahead=ahead):
        cast.check(outcome)
        seconds = outcome.rescued.seconds
        assert seconds <= ttl + LATER + (0 if soak.full else BUSY), outcome.label
        soak.note(
            scenario,
            store=kind,
            lease_s=ttl,
            at=outcome.label,
            token_calls=outcome.sent,
            takeover_s=round(seconds, 2),
        )
