"""Moves tokens from one store to another: each is verified, and a fresher one is never lost.

    for moved in move(source, target):
        print(moved.user, moved.outcome.value)

What is interrupted is taken up by running it again.
"""

from __future__ import annotations

from evergrant.transfer.compare import Outcome
from evergrant.transfer.copier import Moved
from evergrant.transfer.mover import copy, move, refuse_same

__all__ = ["Moved", "Outcome", "copy", "move", "refuse_same"]
