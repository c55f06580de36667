"""No schedule of callers exceeds Zoho's limits, and none is kept waiting for longer than needed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evergrant._core.rate_limit_state import (
    CLOCK_MARGIN_MS,
    COOL_DOWN_MS,
    LIFE_MS,
    MAX_LIVE,
    MAX_REQUESTS,
    WINDOW_MS,
    Failure,
    RateLimitState,
)

NOW = 1_800_000_000_000


def spend_all(times: list[int]) -> list[int]:
    """Ask at each of the times; return when a request was let through."""
    usage, sent = RateLimitState(), []
    for now in times:
        if usage.available_at(now) == now:
            usage = RateLimitState.parse(usage.with_request(now).serialize())
            sent.append(now)
    return sent


GAPS = st.lists(st.integers(0, WINDOW_MS // 3) | st.just(0) | st.integers(0, 5_000), max_size=200)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(GAPS)
def test_no_schedule_of_callers_exceeds_the_limits(gaps: list[int]) -> None:
    times = [NOW + sum(gaps[:number]) for number in range(len(gaps))]
    sent = spend_all(times)
    for first, last in zip(sent, sent[MAX_REQUESTS:], strict=False):
        assert last - first > WINDOW_MS, "an eleventh in ten minutes"
    for first, last in zip(sent, sent[MAX_LIVE - 1 :], strict=False):
        assert last - first > LIFE_MS, "a sixteenth that lives, with the login's"


@given(GAPS)
def test_who_comes_when_told_to_is_let_through(gaps: list[int]) -> None:
    usage, now = RateLimitState(), NOW
    for gap in gaps:
        now = usage.available_at(now + gap)
        assert usage.available_at(now) == now
        usage = usage.with_request(now)


def test_the_first_ten_and_the_first_fourteen_are_let_through() -> None:
    assert len(spend_all([NOW] * 30)) == MAX_REQUESTS
    later = NOW + WINDOW_MS + CLOCK_MARGIN_MS
    assert len(spend_all([NOW] * 30 + [later] * 30)) == MAX_LIVE - 1
    hour = NOW + LIFE_MS + CLOCK_MARGIN_MS
    assert len(spend_all([NOW] * 30 + [later] * 30 + [hour] * 30)) == MAX_LIVE - 1 + MAX_REQUESTS


def test_a_throttle_holds_until_its_time() -> None:
    usage = RateLimitState().failed(Failure(NOW, "Throttled", "too many"), NOW + 60_000)
    assert usage.available_at(NOW) == NOW + 60_000
    assert usage.available_at(NOW + 60_000) == NOW + 60_000
    assert RateLimitState.parse(usage.serialize()) == usage
    # An older answer does not shorten it.
    shorter = usage.failed(Failure(NOW, "Throttled", "too many"), NOW + 10_000)
    assert shorter.throttled_until == NOW + 60_000


def test_a_clock_that_was_ahead_locks_nobody_out() -> None:
    year = 365 * 86_400_000
    usage = RateLimitState(requests=(NOW + year,) * MAX_REQUESTS, throttled_until=NOW + year)
    assert usage.available_at(NOW) <= NOW + WINDOW_MS + CLOCK_MARGIN_MS


def test_what_zoho_never_saw_is_given_back() -> None:
    usage = RateLimitState().with_request(NOW).with_request(NOW + 1)
    assert usage.without_request(NOW).requests == (NOW + 1,)
    assert usage.without_request(NOW + 2) == usage


@pytest.mark.parametrize(
    ("kind", "left", "rest"),
    [
        ("AccountsUnavailable", 30 * 60_000, 450_000),
        ("AccountsUnavailable", -1, COOL_DOWN_MS),
        ("LoginRequired", -1, LIFE_MS),
    ],
)
def test_after_a_failure_nobody_asks_for_a_while_who_need_not(
    kind: str, left: int, rest: int
) -> None:
    usage = RateLimitState().with_request(NOW).failed(Failure(NOW, kind, "no"))
    assert usage.is_cooling_down(NOW, left)
    assert usage.is_cooling_down(NOW + rest - 1, left)
    assert not usage.is_cooling_down(NOW + rest, left)
    assert not usage.is_cooling_down(NOW - 1, left), "a clock that was ahead noted it"
    assert not usage.with_request(NOW + 1).is_cooling_down(NOW + 2, left), "it was asked for since"
    assert not RateLimitState().with_request(NOW).is_cooling_down(NOW, left)


@pytest.mark.parametrize(
    "note",
    ["", "x", "[]", "null", '{"mints": 1}', '{"mints": ["x"]}', '{"failure": [1]}', "[" * 9_999,
     '{"mints": [1e999]}', '{"throttled_until": null}'],
)  # fmt: skip
def test_a_note_that_cannot_be_read_says_nothing(note: str) -> None:
    assert RateLimitState.parse(note) == RateLimitState()


def test_a_note_stays_short() -> None:
    usage = RateLimitState().failed(
        Failure(NOW, "AccountsUnavailable", "\U0001f512" * 5_000), NOW + 1
    )
    for _ in range(MAX_LIVE):
        usage = usage.with_request(NOW)
    assert len(usage.serialize()) <= 2_000
    assert len(usage.with_request(NOW + 2 * LIFE_MS).requests) == 1, (
        "what has had its hour is forgotten"
    )
