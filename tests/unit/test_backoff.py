"""How long a token is left alone that could not be refreshed in the background."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from evergrant import Token
from evergrant._core.backoff import MAX_DELAY, MIN_DELAY, Backoff

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("life", "pause"),
    [
        (timedelta(0), MIN_DELAY),
        (timedelta(seconds=10), MIN_DELAY),
        (timedelta(minutes=40), timedelta(minutes=10)),
        (timedelta(days=1), MAX_DELAY),
    ],
)
def test_a_pause_is_a_part_of_the_life_that_is_left(
    monkeypatch: pytest.MonkeyPatch, life: timedelta, pause: timedelta
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 0.25)
    now = [NOW]
    patience = Backoff(lambda: now[0])
    token = Token(id="1", refresh_token="planted-refresh", expires_at=NOW + life)
    patience.delay(token)
    now[0] = NOW + pause - MOMENT
    assert not patience.has_elapsed(token)
    now[0] = NOW + pause
    assert patience.has_elapsed(token)


@pytest.mark.parametrize(("end", "minutes"), [(min, 4), (max, 20)])
def test_pauses_are_spread_from_a_tenth_to_half_of_the_life_that_is_left(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[float, float], float], minutes: int
) -> None:
    monkeypatch.setattr(random, "uniform", end)
    now = [NOW]
    patience = Backoff(lambda: now[0])
    token = Token(id="1", refresh_token="planted-refresh", expires_at=NOW + timedelta(minutes=40))
    patience.delay(token)
    now[0] = NOW + timedelta(minutes=minutes) - MOMENT
    assert not patience.has_elapsed(token)
    now[0] += MOMENT
    assert patience.has_elapsed(token)
