"""A change that somebody else was faster than is made again, after a pause that grows."""

from __future__ import annotations

import random
import time

import pytest

from evergrant.stores.optimistic import ATTEMPTS, WriteConflict, retry_on_conflict


def test_pauses_double_up_to_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(random, "random", lambda: 1.0)
    monkeypatch.setattr(time, "sleep", paused.append)

    def change() -> None:
        raise WriteConflict("somebody else")

    with pytest.raises(WriteConflict):
        retry_on_conflict(change)
    assert len(paused) == ATTEMPTS - 1
    assert paused[:3] == [0.002, 0.004, 0.008]
    assert max(paused) == 0.1
