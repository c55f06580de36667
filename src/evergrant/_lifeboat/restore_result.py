"""What became of a pending token."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from evergrant.errors import StoreError
from evergrant.token import Token

__all__ = ["RestoreOutcome", "RestoreResult"]


class RestoreOutcome(Enum):
    """How the attempt to restore a pending token ended."""

    RESTORED = "restored"
    SUPERSEDED = "not needed: the store has a newer one"
    ROW_DELETED = "dropped: its row was deleted"
    STILL_PENDING = "still waiting"


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """The result for one pending token.

    Attributes:
        token: The token as stored if it was restored, else as it was pending.
        problem: Why it is still pending, if it is.
    """

    token: Token
    outcome: RestoreOutcome
    problem: StoreError | None = None
