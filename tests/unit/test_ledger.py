"""No schedule of callers exceeds Zoho's limits, and none is kept waiting for longer than needed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evergrant.keeping.ledger import (
    LIFE,
    LIVE,
    MINTS,
    ON_THE_WAY,
    REST,
    WINDOW,
    Failure,
    Ledger,
)

NOW = 1_800_000_000_000


def spend_all(times: list[int]) -> list[int]:
    """Ask at each of the times; return when a request was let through."""
    ledger, sent = Ledger(), []
    for now in times:
        if ledger.free_at(now) == now:
            ledger = Ledger.read(ledger.spent(now).note())
            sent.append(now)
    return sent


GAPS = st.lists(st.integers(0, WINDOW // 3) | st.just(0) | st.integers(0, 5_000), max_size=200)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(GAPS)
def test_no_schedule_of_callers_exceeds_the_limits(gaps: list[int]) -> None:
    times = [NOW + sum(gaps[:number]) for number in range(len(gaps))]
    sent = spend_all(times)
    for first, last in zip(sent, sent[MINTS:], strict=False):
        assert last - first > WINDOW, "an eleventh in ten minutes"
    for first, last in zip(sent, sent[LIVE - 1 :], strict=False):
        assert last - first > LIFE, "a sixteenth that lives, with the login's"


@given(GAPS)
def test_who_comes_when_told_to_is_let_through(gaps: list[int]) -> None:
    ledger, now = Ledger(), NOW
    for gap in gaps:
        now = ledger.free_at(now + gap)
        assert ledger.free_at(now) == now
        ledger = ledger.spent(now)


def test_the_first_ten_and_the_first_fourteen_are_let_through() -> None:
    assert len(spend_all([NOW] * 30)) == MINTS
    later = NOW + WINDOW + ON_THE_WAY
    assert len(spend_all([NOW] * 30 + [later] * 30)) == LIVE - 1
    hour = NOW + LIFE + ON_THE_WAY
    assert len(spend_all([NOW] * 30 + [later] * 30 + [hour] * 30)) == LIVE - 1 + MINTS


def test_a_throttle_holds_until_its_time() -> None:
    ledger = Ledger().failed(Failure(NOW, "Throttled", "too many"), NOW + 60_000)
    assert ledger.free_at(NOW) == NOW + 60_000
    assert ledger.free_at(NOW + 60_000) == NOW + 60_000
    assert Ledger.read(ledger.note()) == ledger
    # An older answer does not shorten it.
    shorter = ledger.failed(Failure(NOW, "Throttled", "too many"), NOW + 10_000)
    assert shorter.throttled_until == NOW + 60_000


def test_a_clock_that_was_ahead_locks_nobody_out() -> None:
    year = 365 * 86_400_000
    ledger = Ledger(mints=(NOW + year,) * MINTS, throttled_until=NOW + year)
    assert ledger.free_at(NOW) <= NOW + WINDOW + ON_THE_WAY


def test_what_zoho_never_saw_is_given_back() -> None:
    ledger = Ledger().spent(NOW).spent(NOW + 1)
    assert ledger.given_back(NOW).mints == (NOW + 1,)
    assert ledger.given_back(NOW + 2) == ledger


@pytest.mark.parametrize(
    ("kind", "left", "rest"),
    [
        ("AccountsUnavailable", 30 * 60_000, 450_000),
        ("AccountsUnavailable", -1, REST),
        ("LoginRequired", -1, LIFE),
    ],
)
def test_after_a_failure_nobody_asks_for_a_while_who_need_not(
    kind: str, left: int, rest: int
) -> None:
    ledger = Ledger().spent(NOW).failed(Failure(NOW, kind, "no"))
    assert ledger.is_at_rest(NOW, left)
    assert ledger.is_at_rest(NOW + rest - 1, left)
    assert not ledger.is_at_rest(NOW + rest, left)
    assert not ledger.is_at_rest(NOW - 1, left), "a clock that was ahead noted it"
    assert not ledger.spent(NOW + 1).is_at_rest(NOW + 2, left), "it was asked for since"
    assert not Ledger().spent(NOW).is_at_rest(NOW, left)


@pytest.mark.parametrize(
    "note",
    ["", "x", "[]", "null", '{"mints": 1}', '{"mints": ["x"]}', '{"failure": [1]}', "[" * 9_999,
     '{"mints": [1e999]}', '{"throttled_until": null}'],
)  # fmt: skip
def test_a_note_that_cannot_be_read_says_nothing(note: str) -> None:
    assert Ledger.read(note) == Ledger()


def test_a_note_stays_short() -> None:
    ledger = Ledger().failed(Failure(NOW, "AccountsUnavailable", "\U0001f512" * 5_000), NOW + 1)
    for _ in range(LIVE):
        ledger = ledger.spent(NOW)
    assert len(ledger.note()) <= 2_000
    assert len(ledger.spent(NOW + 2 * LIFE).mints) == 1, "what has had its hour is forgotten"
