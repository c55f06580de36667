"""Copies or moves tokens between stores. Each is verified, and a fresher one is never lost.

    for moved in move(source, target):
        print(moved.user, moved.outcome.value)

After an interruption, run it again to continue.
"""

from __future__ import annotations

from evergrant.transfer.compare import Outcome
from evergrant.transfer.copier import Moved
from evergrant.transfer.mover import copy, move, refuse_same

__all__ = ["Moved", "Outcome", "copy", "move", "refuse_same"]
