"""Who disagrees about time still agrees on how much was asked for."""

from __future__ import annotations

import pytest

from evergrant.keeping.asked import Asked
from evergrant.keeping.ledger import LIFE, LIVE, MINTS, ON_THE_WAY, WINDOW, Ledger

NOW = 1_800_000_000_000
MINUTE, DAY, YEAR = 60_000, 86_400_000, 365 * 86_400_000


class Host:
    """One process with a clock of its own, that keeps to the limits by a note it shares."""

    def __init__(self, wrong: int) -> None:
        self.wrong = wrong
        self.asked = Asked()

    def ask(self, note: str, true_time: int) -> tuple[str, bool]:
        now, ledger = true_time + self.wrong, Ledger.read(note)
        mints = self.asked.seen("grant", ledger.mints, now)
        is_free = Ledger(mints).free_at(now) <= now
        ledger = ledger.clamped(now)
        if is_free:
            ledger = ledger.spent(now)
            self.asked.sent("grant", now, ledger.mints)
        return ledger.note(), is_free


@pytest.mark.parametrize("wrong", [0, MINUTE, 60 * MINUTE, DAY, YEAR])
@pytest.mark.parametrize("sign", [1, -1])
def test_hosts_that_disagree_stay_within_the_limits_together(wrong: int, sign: int) -> None:
    hosts, note, sent = [Host(0), Host(sign * wrong)], "", list[int]()
    for host in hosts:
        host.asked.seen("grant", (), NOW + host.wrong)  # from the first look on
    for number in range(3_600):
        true_time = NOW + number * 2_000
        note, went = hosts[number % 2].ask(note, true_time)
        if went:
            sent.append(true_time)
    for first, last in zip(sent, sent[MINTS:], strict=False):
        assert last - first > WINDOW
    for first, last in zip(sent, sent[LIVE - 1 :], strict=False):
        assert last - first > LIFE
    assert len(sent) >= MINTS, "and nobody is locked out"
    assert sent[-1] > NOW + LIFE


@pytest.mark.parametrize("ahead", [MINUTE, DAY, YEAR])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_was_ahead_throttles_for_the_real_window_only(
    ahead: int, *, restarted: bool
) -> None:
    host, note = Host(ahead), ""
    for _ in range(MINTS):
        note, went = host.ask(note, NOW)
        assert went
    if restarted:
        host = Host(0)
    host.wrong = 0
    for minute in range(10):
        note, went = host.ask(note, NOW + minute * MINUTE)
        assert not went
    note, went = host.ask(note, NOW + WINDOW + ON_THE_WAY)
    assert went


def test_what_was_not_sent_is_forgotten() -> None:
    asked = Asked()
    asked.sent("grant", NOW, [NOW])
    asked.sent("grant", NOW, [NOW, NOW])
    asked.forget("grant", NOW)
    asked.forget("grant", NOW + 1)
    assert asked.seen("grant", (NOW,), NOW + 1) == (NOW,)
    asked.forget("grant", NOW)
    assert asked.seen("grant", (), NOW + 1) == ()
    assert asked.seen("another", (), NOW) == ()


def test_a_process_does_not_remember_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergrant.keeping.asked.MOST", 3)
    asked = Asked()
    for number in range(10):
        asked.sent(str(number), NOW, [NOW])
    assert len(asked._known) <= 3
