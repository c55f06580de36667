"""What a file store keeps beside its tokens: a count of ids, and notes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from evergrant._files import secure_files
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.stores.in_process import NoteTable, drop_expired
from evergrant.stores.rows import ID_DIGITS

__all__ = ["Sidecar"]

_logger = RateLimitedLog()


LARGEST = 10**ID_DIGITS
"""No count goes beyond it: the ids that follow are chosen at random."""


class Sidecar:
    """A small file of JSON; whoever writes it holds the store's lock.

    The official columns have no place for any of it. Where the file is missing, numbers go on
    after the largest id among the tokens, and there is no note.

    Args:
        tokens: The path of the file of tokens; this one is beside it, and its owner's.

    Attributes:
        last_number: The largest number that was ever an id, as far as it was noted.
        notes: Texts that the processes share, by their keys.
        is_lost: It was not there, or damaged.
    """

    def __init__(self, tokens: str) -> None:
        self._tokens = tokens
        self.path = self.beside(tokens)
        self.last_number = 0
        self.notes: NoteTable = {}
        self.is_lost = True
        try:
            state = json.loads(Path(self.path).read_bytes())
            self.last_number = min(int(state["last_number"]), LARGEST)
            self.is_lost = False
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

    def put_note(self, key: str, text: str, until: int, now: int) -> None:
        """Keep a note's text until a moment (epoch milliseconds), or none; forget old ones."""
        self.notes = drop_expired(self.notes, now)
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
        state = {"last_number": self.last_number, "notes": self.notes}
        owner = os.stat(self._tokens)  # noqa: PTH116 - its error names the path
        secure_files.atomic_replace(self.path, json.dumps(state).encode(), old=owner)

    @staticmethod
    def beside(tokens: str) -> str:
        """Return the path of the one that is beside a file of tokens."""
        return f"{tokens}.evergrant"
