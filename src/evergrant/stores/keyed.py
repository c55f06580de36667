"""Rows in a storage that finds by keys only: each stands under a key for all it is found by."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from evergrant.errors import StoreUnavailable
from evergrant.stores.matching import Criterion
from evergrant.stores.rows import COLUMNS, Row

__all__ = ["Overtaken", "digest", "fits", "is_broken", "persistently"]

T = TypeVar("T")

ATTEMPTS = 50
"""How often a change is begun anew when somebody else was faster."""

_POSITION = {column: position for position, column in enumerate(COLUMNS)}


class Overtaken(StoreUnavailable):
    """Somebody else changed the same thing; the change can be begun again."""


def persistently(change: Callable[[], T]) -> T:
    """Make a change; one that another's came before, again, after a pause that grows."""
    for attempt in range(ATTEMPTS - 1):
        with suppress(Overtaken):
            return change()
        # By chance: those who met once must not meet again and again.
        time.sleep(random.random() * min(0.002 * 2**attempt, 0.1))  # noqa: S311 - no secret
    return change()


def fits(row: Row, criterion: Criterion) -> bool:
    """Say whether a row's columns equal all of the criterion's values."""
    return all(row[_POSITION[column]] == value for column, value in criterion.items())


def is_broken(row: Row) -> bool:
    """Say whether nothing of a row could be read: it counts as what it was found by."""
    return not any(row[1:])


def digest(column: str, value: str) -> str:
    """Return the name of a lookup; it may be of a token, and does not show it."""
    return hashlib.sha256(f"{column}\0{value}".encode(errors="surrogatepass")).hexdigest()[:40]
