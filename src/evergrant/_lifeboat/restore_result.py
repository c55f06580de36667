"""What becomes of a token that waited in the lifeboat."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from evergrant.errors import StoreError
from evergrant.token import Token

__all__ = ["RestoreOutcome", "RestoreResult"]


class RestoreOutcome(Enum):
    """How it ended for a token that waited."""

    RESTORED = "restored"
    SUPERSEDED = "not needed: the store has a newer one"
    ROW_DELETED = "let go: its row was deleted"
    STILL_PENDING = "still waiting"


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """One token that waited, and its fate.

    Attributes:
        token: As it is in the store, where it was restored; else as it waited.
        problem: What keeps it from being restored, where it still waits.
    """

    token: Token
    fate: RestoreOutcome
    problem: StoreError | None = None
