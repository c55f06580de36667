"""Who disagrees about time still agrees on how much was asked for."""

from __future__ import annotations

import pytest

from evergrant._core.rate_limit_state import (
    CLOCK_MARGIN_MS,
    LIFE_MS,
    MAX_LIVE,
    MAX_REQUESTS,
    WINDOW_MS,
    RateLimitState,
)
from evergrant._core.request_history import RequestHistory

NOW = 1_800_000_000_000
MINUTE, DAY, YEAR = 60_000, 86_400_000, 365 * 86_400_000


class Host:
    """One process with a clock of its own, that keeps to the limits by a note it shares."""

    def __init__(self, wrong: int) -> None:
        self.wrong = wrong
        self.asked = RequestHistory()

    def ask(self, note: str, true_time: int) -> tuple[str, bool]:
        now, usage = true_time + self.wrong, RateLimitState.parse(note)
        mints = self.asked.merged_with("grant", usage.requests, now)
        is_free = RateLimitState(mints).available_at(now) <= now
        usage = usage.clamped(now)
        if is_free:
            usage = usage.with_request(now)
            self.asked.record("grant", now, usage.requests)
        return usage.serialize(), is_free


@pytest.mark.parametrize("wrong", [0, MINUTE, 60 * MINUTE, DAY, YEAR])
@pytest.mark.parametrize("sign", [1, -1])
def test_hosts_that_disagree_stay_within_the_limits_together(wrong: int, sign: int) -> None:
    hosts, note, sent = [Host(0), Host(sign * wrong)], "", list[int]()
    for host in hosts:
        host.asked.merged_with("grant", (), NOW + host.wrong)  # from the first look on
    for number in range(3_600):
        true_time = NOW + number * 2_000
        note, went = hosts[number % 2].ask(note, true_time)
        if went:
            sent.append(true_time)
    for first, last in zip(sent, sent[MAX_REQUESTS:], strict=False):
        assert last - first > WINDOW_MS
    for first, last in zip(sent, sent[MAX_LIVE - 1 :], strict=False):
        assert last - first > LIFE_MS
    assert len(sent) >= MAX_REQUESTS, "and nobody is locked out"
    assert sent[-1] > NOW + LIFE_MS


@pytest.mark.parametrize("ahead", [MINUTE, DAY, YEAR])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_was_ahead_throttles_for_the_real_window_only(
    ahead: int, *, restarted: bool
) -> None:
    host, note = Host(ahead), ""
    for _ in range(MAX_REQUESTS):
        note, went = host.ask(note, NOW)
        assert went
    if restarted:
        host = Host(0)
    host.wrong = 0
    for minute in range(10):
        note, went = host.ask(note, NOW + minute * MINUTE)
        assert not went
    note, went = host.ask(note, NOW + WINDOW_MS + CLOCK_MARGIN_MS)
    assert went


def test_what_was_not_sent_is_forgotten() -> None:
    asked = RequestHistory()
    asked.record("grant", NOW, [NOW])
    asked.record("grant", NOW, [NOW, NOW])
    asked.forget("grant", NOW)
    asked.forget("grant", NOW + 1)
    assert asked.merged_with("grant", (NOW,), NOW + 1) == (NOW,)
    asked.forget("grant", NOW)
    assert asked.merged_with("grant", (), NOW + 1) == ()
    assert asked.merged_with("another", (), NOW) == ()


def test_a_process_does_not_remember_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergrant._core.request_history.MAX_GRANTS", 3)
    asked = RequestHistory()
    for number in range(10):
        asked.record(str(number), NOW, [NOW])
    assert len(asked._known) <= 3
