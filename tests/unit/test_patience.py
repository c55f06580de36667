"""How long a token is left alone that could not be renewed in the background."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from evergrant import Token
from evergrant.keeping.patience import LONGEST_PAUSE, SHORTEST_PAUSE, Patience

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("life", "pause"),
    [
        (timedelta(0), SHORTEST_PAUSE),
        (timedelta(seconds=10), SHORTEST_PAUSE),
        (timedelta(minutes=40), timedelta(minutes=10)),
        (timedelta(days=1), LONGEST_PAUSE),
    ],
)
def test_a_pause_is_a_part_of_the_life_that_is_left(
    monkeypatch: pytest.MonkeyPatch, life: timedelta, pause: timedelta
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 0.25)
    now = [NOW]
    patience = Patience(lambda: now[0])
    token = Token(id="1", refresh_token="planted-refresh", expires_at=NOW + life)
    patience.pause(token)
    now[0] = NOW + pause - MOMENT
    assert not patience.is_over(token)
    now[0] = NOW + pause
    assert patience.is_over(token)


@pytest.mark.parametrize(("end", "minutes"), [(min, 4), (max, 20)])
def test_pauses_are_spread_from_a_tenth_to_half_of_the_life_that_is_left(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[float, float], float], minutes: int
) -> None:
    monkeypatch.setattr(random, "uniform", end)
    now = [NOW]
    patience = Patience(lambda: now[0])
    token = Token(id="1", refresh_token="planted-refresh", expires_at=NOW + timedelta(minutes=40))
    patience.pause(token)
    now[0] = NOW + timedelta(minutes=minutes) - MOMENT
    assert not patience.is_over(token)
    now[0] += MOMENT
    assert patience.is_over(token)
