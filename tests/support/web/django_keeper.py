"""The keeper that a Django project of the tests finds by its settings."""

from __future__ import annotations

from evergrant import Keeper

__all__ = ["made", "the_keeper"]

made: list[Keeper] = []


def the_keeper() -> Keeper:
    return made[-1]
