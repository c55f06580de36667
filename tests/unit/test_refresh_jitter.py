"""A scheduler's calls are spread evenly, from the first cycle on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evergrant._core.refresh_jitter import REFRESH_INTERVAL, is_due, refresh_at
from evergrant.token import Token

GRANTED = datetime(2026, 11, 26, 12, 34, 56, 789000, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def token(id_: str, life: timedelta = HOUR, granted: datetime = GRANTED) -> Token:
    return Token(
        id=id_,
        access_token="a",
        refresh_token="r",
        expires_at=granted + life,
        updated_at=granted,
    )


def at(one: Token) -> datetime:
    moment = refresh_at(one)
    assert moment
    return moment


@pytest.mark.parametrize("users", [10, 500, 10_000])
def test_tokens_that_were_granted_together_are_refreshed_evenly(users: int) -> None:
    slots = sorted(at(token(str(id_))) for id_ in range(1, users + 1))
    assert slots[0] > GRANTED
    assert slots[-1] <= GRANTED + REFRESH_INTERVAL
    for minute in range(0, 30, 3):
        since = GRANTED + minute * MINUTE
        share = sum(since < moment <= since + 3 * MINUTE for moment in slots)
        assert abs(share - users / 10) <= 3


def test_each_token_keeps_its_slot() -> None:
    """However late each refresh is, the next is due in the same slot of its cycle."""
    one = token("7")
    first = at(one)
    for cycle, late in enumerate([0.0, 3.3, 14.9, 60.0, 299.0], 1):
        granted = at(one) + timedelta(seconds=late)
        one = replace(one, updated_at=granted, expires_at=granted + HOUR)
        assert at(one) == first + cycle * REFRESH_INTERVAL


def test_half_of_a_life_is_left_when_it_is_refreshed() -> None:
    for id_ in range(500):
        one = token(str(id_))
        assert one.expires_at
        assert one.expires_at - at(one) >= REFRESH_INTERVAL


def test_a_token_that_was_saved_late_in_its_life_is_refreshed_within_it() -> None:
    for minutes in (1, 10, 44):
        moments = [at(token(str(id_), minutes * MINUTE)) for id_ in range(100)]
        assert min(moments) >= GRANTED
        assert max(moments) <= GRANTED + minutes * MINUTE / 2
        assert max(moments) - min(moments) > minutes * MINUTE / 2 * 0.9


def test_ids_of_any_kind_have_a_place() -> None:
    assert len({at(token(f"tenant-{number}")) for number in range(100)}) == 100


def test_what_has_no_access_token_is_due_and_what_cannot_be_refreshed_never() -> None:
    assert is_due(Token(id="1", refresh_token="r"), GRANTED)
    assert is_due(Token(id="1", refresh_token="r", access_token="a"), GRANTED)
    lone = replace(token("1"), refresh_token=None)
    assert refresh_at(lone) is None
    assert not is_due(lone, GRANTED + 10 * HOUR)


def test_due_is_from_the_slot_on() -> None:
    one = token("3")
    assert not is_due(one, at(one) - timedelta(microseconds=1))
    assert is_due(one, at(one))
