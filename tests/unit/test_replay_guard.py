"""A row that somebody put back is known by its version and its time."""

from __future__ import annotations

import pytest

from evergrant.stores.replay_guard import is_older
from evergrant.stores.rows import COLUMNS, Row


def row(version: int, updated_at: int) -> Row:
    return Row([None] * len(COLUMNS))._replace(updated_at=str(updated_at), version=version)


@pytest.mark.parametrize(
    ("version", "updated_at", "older"),
    [(2, 10, True), (3, 10, False), (4, 10, False), (2, 30, False), (2, 20, True), (3, 20, False)],
)
def test_only_what_is_older_in_both_is_older(version: int, updated_at: int, older: object) -> None:
    assert is_older(row(version, updated_at), (3, "20")) is older
