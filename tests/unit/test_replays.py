"""A row that somebody put back is known by its version and its time."""

from __future__ import annotations

from typing import Any

import pytest

from evergrant.stores.replay_guard import _UPDATED_AT, is_older
from evergrant.stores.rows import COLUMNS


def row(version: int, updated_at: int) -> Any:
    found: list[Any] = [None] * (len(COLUMNS) + 1)
    found[_UPDATED_AT], found[-1] = str(updated_at), version
    return found


@pytest.mark.parametrize(
    ("version", "updated_at", "older"),
    [(2, 10, True), (3, 10, False), (4, 10, False), (2, 30, False), (2, 20, True), (3, 20, False)],
)
def test_only_what_is_older_in_both_is_older(version: int, updated_at: int, older: object) -> None:
    assert is_older(row(version, updated_at), (3, "20")) is older
