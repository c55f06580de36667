"""What becomes of a token that waited in the lifeboat."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from evergrant.errors import StoreError
from evergrant.token import Token

__all__ = ["Boarding", "Fate"]


class Fate(Enum):
    """How it ended for a token that waited."""

    ABOARD = "taken aboard"
    SURPASSED = "not needed: the store has a newer one"
    LET_GO = "let go: its row was deleted"
    WAITS = "still waiting"


@dataclass(frozen=True, slots=True)
class Boarding:
    """One token that waited, and its fate.

    Attributes:
        token: As it is in the store, where it was taken aboard; else as it waited.
        problem: What keeps it from being taken aboard, where it still waits.
    """

    token: Token
    fate: Fate
    problem: StoreError | None = None
