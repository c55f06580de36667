"""The number that compare-and-swap compares: which row it is, and how often it was saved."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

__all__ = [
    "BEYOND_COUNTED",
    "FIRST",
    "first_version",
    "is_counted",
    "random_first_version",
    "version_after",
]

FIRST = 1
"""Of a row whose id the store itself gave out: such an id never comes again."""

BEYOND_COUNTED = 10**9
"""No store has given so many ids: a count that was lost goes on at a number from here on."""

_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_SECONDS = 2**31  # until 2088, and a version stays below 2**53, which every JSON reader holds
_RANDOM_BITS = 22


def first_version(now: datetime) -> int:
    """Return the version of a row that is made under an id that may come again.

    It is another one each time, however short the time since the row before it was deleted. So an
    old copy of that row cannot be taken for one of this: their versions never meet.

    Args:
        now: The present moment (aware).
    """
    second = int((now - _BEGIN).total_seconds()) % _SECONDS
    # Never 0 and never near 1: those are of rows that others wrote, and of ids that we gave.
    return (second << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)) | 1 << _RANDOM_BITS


def is_counted(version: int) -> bool:
    """Return True if a version is that of a row whose id the store itself gave out."""
    return FIRST <= version < 1 << _RANDOM_BITS


def random_first_version() -> int:
    """Return the number at which the ids go on whose count was lost: hardly any was one before."""
    return BEYOND_COUNTED + secrets.randbelow(BEYOND_COUNTED)


def version_after(version: int, now: datetime) -> int:
    """Return the version of a row after a save.

    Args:
        version: What it had; 0: another program wrote it, and may write one like it again.
        now: The present moment (aware).
    """
    return version + 1 if version else first_version(now)
