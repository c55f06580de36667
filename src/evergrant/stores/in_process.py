"""Base for stores in this process's memory: lock, leases, notes, change counter, undo log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from evergrant import _fork
from evergrant._user_names import belongs_to
from evergrant.clock import Clock, to_epoch_ms, utc_now
from evergrant.stores.base import TokenStore
from evergrant.stores.leases import LeaseRecord, try_grant
from evergrant.stores.matching import Criterion, fits
from evergrant.stores.rows import Row, numeric_id

__all__ = ["CLOCKS_DIFFER_MS", "InProcessNotes", "InProcessStore", "NoteTable", "drop_expired"]

CLOCKS_DIFFER_MS = 86_400_000
"""Milliseconds that a note is kept past its end, which another host's clock may have set."""

NoteTable = dict[str, tuple[str, int]]
"""By its key, the text of each note and the moment until which it is kept (epoch milliseconds)."""

PURGE_AT = 1_000
"""Number of notes from which on expired ones are dropped."""


def drop_expired(notes: NoteTable, now: int) -> NoteTable:
    """Return the notes that are not expired by any host's clock; ``now`` in epoch milliseconds."""
    return {key: note for key, note in notes.items() if note[1] > now - CLOCKS_DIFFER_MS}


class InProcessNotes:
    """Notes in memory. A caller that changes them holds the store's lock.

    Args:
        clock: Tells when a note expires.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._notes: NoteTable = {}
        self._purge_at = PURGE_AT

    def read(self, key: str) -> str:
        """Return a note's text, or empty text if there is no such note."""
        return self._notes.get(key, ("", 0))[0]

    def put(self, key: str, text: str, until: int) -> None:
        """Keep a note's text until a moment (epoch milliseconds); empty text deletes it."""
        if len(self._notes) >= self._purge_at:
            self._notes = drop_expired(self._notes, to_epoch_ms(self._clock()))
            self._purge_at = 2 * len(self._notes) + PURGE_AT
        if text:
            self._notes[key] = text, until
        else:
            self._notes.pop(key, None)


class InProcessStore(TokenStore):
    """A store whose lock and leases are this process's; a forked child has its own copy.

    Subclasses add to ``_undo`` a function that takes back each change they make. Rows are found by
    a search through all of them, unless a subclass does better.
    """

    is_persistent = False

    def __init__(self, *, clock: Clock = utc_now) -> None:
        super().__init__(clock=clock)
        self._lock = threading.RLock()
        self._undo: list[Callable[[], object]] = []
        self._changes = 0
        self._releases = 0
        self._last_number = 0
        self._leases: dict[str, LeaseRecord] = {}
        self._notes = InProcessNotes(clock)
        _fork.register(self)

    def change_counter(self) -> int | None:
        """Return how often this store has changed."""
        return self._changes

    def _wait_counter(self) -> Hashable:
        return self._changes, self._releases

    def storage_id(self) -> int:
        """Return what identifies this store; several have the same URL."""
        return id(self)

    def _select(self, criterion: Criterion) -> list[Row]:
        return [row for row in self._rows() if fits(row, criterion)]

    def _select_by_user(self, name: str) -> list[Row]:
        return [row for row in self._rows() if belongs_to(str(row.user_name or ""), name)]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._undo = []
            try:
                yield
            except BaseException:
                while self._undo:
                    self._undo.pop()()
                raise
            self._changes += bool(self._undo)

    def _note_id(self, id_: str) -> None:
        self._last_number = max(self._last_number, numeric_id(id_))

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        with self._lock:
            return try_grant(self._leases, id_, owner, to_epoch_ms(self._clock()), ttl)

    def _release(self, id_: str, owner: str) -> None:
        with self._lock:
            if self._leases.get(id_, ("",))[0] == owner:
                del self._leases[id_]
                self._releases += 1

    def _get_note(self, key: str) -> str:
        return self._notes.read(key)

    def _set_note(self, key: str, text: str, until: int) -> None:
        self._notes.put(key, text, until)

    def before_fork(self) -> None:
        """Keep other threads out while the process forks; see `_fork`."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """Let other threads in again; see `_fork`."""
        self._lock.release()
