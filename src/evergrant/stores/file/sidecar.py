"""What a file store keeps beside its tokens: a count of ids, leases and notes."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from evergrant.stores import private_files
from evergrant.stores.file import disk
from evergrant.stores.file.disk import Stamp
from evergrant.stores.lease import Noted, grant, still_runs
from evergrant.stores.notes import Notes, unexpired
from evergrant.stores.rows import ID_DIGITS

__all__ = ["Sidecar"]

_logger = logging.getLogger("evergrant")


LARGEST = 10**ID_DIGITS
"""No count goes beyond it: the ids that follow are chosen at random."""


class Sidecar:
    """A small file of JSON; whoever writes it holds the store's lock.

    The official columns have no place for any of it. Where the file is missing, numbers go on
    after the largest id among the tokens, no lease runs, and there is no note.

    Args:
        tokens: The path of the file of tokens; this one is beside it, and its owner's.

    Attributes:
        last_number: The largest number that was ever an id, as far as it was noted.
        leases: Holders of leases, by token id.
        notes: Texts that the processes share, by their keys.
    """

    def __init__(self, tokens: str) -> None:
        self._tokens = tokens
        self.path = _beside(tokens)
        self.last_number = 0
        self.leases: dict[str, Noted] = {}
        self.notes: Notes = {}
        try:
            state = json.loads(Path(self.path).read_bytes())
            self.last_number = min(int(state["last_number"]), LARGEST)
            self.leases = {
                id_: (str(owner), int(since), int(until))
                for id_, (owner, since, until) in state["leases"].items()
            }
            # Files of the first days have none.
            self.notes = {
                key: (str(text), int(until))
                for key, (text, until) in state.get("notes", {}).items()
            }
        except FileNotFoundError:
            pass
        except (
            ArithmeticError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            RecursionError,
        ):
            _logger.warning("%s is damaged: ids go on after the largest there is", self.path)

    @staticmethod
    def stamp(tokens: str) -> Stamp | None:
        """Return what differs once it was written anew; None where there is none."""
        try:
            return disk.stamp(os.stat(_beside(tokens)))  # noqa: PTH116 - asked all the time
        except FileNotFoundError:
            return None

    def grant(self, id_: str, owner: str, now: int, ttl: float) -> bool:
        """Note a lease unless another's still runs; see `lease.grant`."""
        running = {key: held for key, held in self.leases.items() if still_runs(*held[1:], now)}
        granted = grant(running, id_, owner, now, ttl)
        if granted:
            self.leases = running
            self.save()
        return granted

    def release(self, id_: str, owner: str) -> None:
        """Forget a lease if it is this owner's."""
        if self.leases.get(id_, ("",))[0] == owner:
            del self.leases[id_]
            self.save()

    def put_note(self, key: str, text: str, until: int, now: int) -> None:
        """Keep a note's text until a moment (epoch milliseconds), or none; forget old ones."""
        self.notes = unexpired(self.notes, now)
        self.notes.pop(key, None)
        if text:
            self.notes[key] = text, until
        self.save()

    def raise_number(self, number: int) -> None:
        """Note that a number was an id."""
        if number > self.last_number:
            self.last_number = number
            self.save()

    def save(self) -> None:
        """Write it.

        Raises:
            OSError: It cannot be written.
        """
        state = {"last_number": self.last_number, "leases": self.leases, "notes": self.notes}
        owner = os.stat(self._tokens)  # noqa: PTH116 - its error names the path
        private_files.replace(self.path, json.dumps(state).encode(), old=owner)


def _beside(tokens: str) -> str:
    return f"{tokens}.evergrant"
