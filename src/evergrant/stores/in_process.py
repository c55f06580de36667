"""What stores share that hold for one process: a lock, leases, a counter, an undo log, a search."""

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

__all__ = ["CLOCKS_DIFFER", "InProcessNotes", "InProcessStore", "NoteTable", "drop_expired"]

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


class InProcessStore(TokenStore):
    """A store whose lock and leases are this process's; a forked child has a copy of its own.

    Subclasses add to ``_undo`` what takes back each change they make. One is found by going
    through all rows, unless a subclass knows better.
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
        """Return what tells this store from any other; its URL does not."""
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
        """Let nobody else be inside while the process forks; see `forking`."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """Go on; see `forking`."""
        self._lock.release()
