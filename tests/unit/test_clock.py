"""Moments as epoch milliseconds: exact, aware, and rounded down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from evergrant.clock import from_epoch_ms, to_epoch_ms, utc_now


def test_now_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


@pytest.mark.parametrize("ms", [0, 1, -1, 999, -62_135_596_800_000, 253_402_300_799_999])
def test_milliseconds_come_back_exactly(ms: int) -> None:
    assert to_epoch_ms(from_epoch_ms(ms)) == ms


def test_every_millisecond_of_a_second_survives() -> None:
    # A float on the way loses some of these.
    start = 1_767_225_599_000
    assert [to_epoch_ms(from_epoch_ms(start + n)) for n in range(1000)] == [
        start + n for n in range(1000)
    ]


def test_a_fraction_of_a_millisecond_is_dropped_never_added() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 123_999, tzinfo=UTC)
    assert to_epoch_ms(moment) % 1000 == 123
    before_1970 = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert to_epoch_ms(before_1970) == -1


def test_the_time_zone_does_not_change_the_moment() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert to_epoch_ms(noon.astimezone(india)) == to_epoch_ms(noon)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(TypeError):
        to_epoch_ms(datetime(2026, 3, 1, 12))  # noqa: DTZ001 - naive on purpose


@pytest.mark.parametrize("ms", [10**15, -(10**15), 10**30])
def test_a_moment_beyond_the_calendar_is_refused(ms: int) -> None:
    with pytest.raises(OverflowError):
        from_epoch_ms(ms)
