"""Versions, which compare-and-swap compares: they tell the row, and how often it was saved."""

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
"""First version of a row whose id the store gave out; such an id never comes again."""

BEYOND_COUNTED = 10**9
"""A lost id counter starts again at a number from here on, since no store has given as many ids."""

_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_SECONDS = 2**31  # until 2088, and a version stays below 2**53, which every JSON reader holds
_RANDOM_BITS = 22


def first_version(now: datetime) -> int:
    """Return the first version of a row whose id may come again.

    It differs each time, however short the time since the former row was deleted. Versions of the
    two rows never meet, so an old copy of the former cannot be taken for one of this row.

    Args:
        now: The present moment (aware).
    """
    second = int((now - _BEGIN).total_seconds()) % _SECONDS
    # Never 0 (rows of other programs) and never near 1 (rows whose id we gave).
    return (second << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)) | 1 << _RANDOM_BITS


def is_counted(version: int) -> bool:
    """Return True if a version is that of a row whose id the store gave out."""
    return FIRST <= version < 1 << _RANDOM_BITS


def random_first_version() -> int:
    """Return the number at which a lost id counter starts again; hardly any was used before."""
    return BEYOND_COUNTED + secrets.randbelow(BEYOND_COUNTED)


def version_after(version: int, now: datetime) -> int:
    """Return the version of a row after a save.

    Args:
        version: The version before. 0 means that another program wrote the row, and may write
            one like it again.
        now: The present moment (aware).
    """
    return version + 1 if version else first_version(now)
