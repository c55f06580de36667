"""The file beside a token file, with the id counter and the notes."""

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
"""The counter stops here; the ids that follow are chosen at random."""


class Sidecar:
    """A small JSON file; a caller that writes it holds the store's lock.

    The official columns have no place for this. If the file is missing, ids continue after the
    largest one among the tokens, and there are no notes.

    Args:
        tokens: The path of the token file; this file is beside it and has the same owner.

    Attributes:
        last_number: The largest number that was recorded as an id.
        notes: Texts that the processes share, by their keys.
        is_lost: The file was missing or damaged.
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
            # The earliest files have no notes.
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
            _logger.warning("%s is damaged: ids continue after the largest one", self.path)

    def put_note(self, key: str, text: str, until: int, now: int) -> None:
        """Keep a note until a moment (epoch milliseconds), or delete it; drop expired notes."""
        self.notes = drop_expired(self.notes, now)
        self.notes.pop(key, None)
        if text:
            self.notes[key] = text, until
        self.save()

    def raise_number(self, number: int) -> None:
        """Record that a number was an id."""
        if number > self.last_number:
            self.last_number = number
            self.save()

    def create(self) -> None:
        """Write the file if it does not exist. Other processes may do the same without a lock.

        Raises:
            OSError: It cannot be written.
        """
        secure_files.create(self.path, self._owner(), content=self._content())

    def save(self) -> None:
        """Write the file; the caller has the lock.

        Raises:
            OSError: It cannot be written.
        """
        secure_files.atomic_replace(self.path, self._content(), old=self._owner())

    def _content(self) -> bytes:
        return json.dumps({"last_number": self.last_number, "notes": self.notes}).encode()

    def _owner(self) -> os.stat_result:
        return os.stat(self._tokens)  # noqa: PTH116 - its error names the path

    @staticmethod
    def beside(tokens: str) -> str:
        """Return the path of the sidecar of a token file."""
        return f"{tokens}.evergrant"
