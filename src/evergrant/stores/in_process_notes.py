"""Notes of one process, for stores that share none."""

from __future__ import annotations

from evergrant.clock import Clock, to_epoch_ms

__all__ = ["CLOCKS_DIFFER", "InProcessNotes", "NoteTable", "drop_expired"]

CLOCKS_DIFFER = 86_400_000
"""Milliseconds that a note is kept past its time, which another host's clock may have set."""

NoteTable = dict[str, tuple[str, int]]
"""The text of each note, and until when it is kept (epoch milliseconds), by its key."""

PURGE_AT = 1_000
"""Notes that may be there before those are forgotten that have had their time."""


def drop_expired(notes: NoteTable, now: int) -> NoteTable:
    """Return those of some notes that have not had their time on any host (epoch milliseconds)."""
    return {key: note for key, note in notes.items() if note[1] > now - CLOCKS_DIFFER}


class InProcessNotes:
    """Notes in memory; whoever changes them holds the store's lock.

    Args:
        clock: Tells when a note has had its time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._notes: NoteTable = {}
        self._purge_at = PURGE_AT

    def read(self, key: str) -> str:
        """Return a note's text; nothing where there is none."""
        return self._notes.get(key, ("", 0))[0]

    def put(self, key: str, text: str, until: int) -> None:
        """Keep a note's text until this moment (epoch milliseconds); without text, none."""
        if len(self._notes) >= self._purge_at:
            self._notes = drop_expired(self._notes, to_epoch_ms(self._clock()))
            self._purge_at = 2 * len(self._notes) + PURGE_AT
        if text:
            self._notes[key] = text, until
        else:
            self._notes.pop(key, None)
