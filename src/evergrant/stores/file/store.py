"""`FileStore`: tokens in the CSV file of Zoho's own SDKs, shared by the processes of one host."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from evergrant import _fork
from evergrant._files import ownership, secure_files
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.clock import Clock, to_epoch_ms, utc_now
from evergrant.errors import StoreError, StoreMissing, StoreUnavailable
from evergrant.stores.base import TokenStore
from evergrant.stores.file import snapshot
from evergrant.stores.file.cached_file import CachedFile, translating_os_errors
from evergrant.stores.file.csv_format import EMPTY, Line, format_row
from evergrant.stores.file.leases import FileLeases
from evergrant.stores.file.sidecar import Sidecar
from evergrant.stores.file.table import FileTable
from evergrant.stores.file.writer_lock import WriterLock
from evergrant.stores.leases import Watch
from evergrant.stores.matching import Criterion
from evergrant.stores.row_index import Key
from evergrant.stores.rows import Row, numeric_id
from evergrant.stores.versions import random_first_version

__all__ = ["FileStore"]

_logger = RateLimitedLog()


@dataclass
class _Change:
    """A transaction: what its thread has read, and the rows that it wants to write."""

    table: FileTable
    stamp: snapshot.Stamp
    thread: int = field(default_factory=threading.get_ident)
    rows: dict[Key, Line | None] = field(default_factory=dict)


class FileStore(TokenStore):
    """Keeps tokens in a CSV file; a save is on the disk before it returns.

    The official SDK's ten columns come first, so its FileStore and this one can use the same file
    in turns. Any number of processes with this store may write at the same time. The official
    store has no lock: if it writes at the moment of a save here, one of the two may be lost, but
    a half-written file is never read.

    If the official store has left several rows of one user and client, the one that expires last
    counts, the log says so, and the next save of that user drops the others. If it has given one
    id to two users, the row that expires first gets a new id at once.

    Beside the file are ``.lock``, ``.evergrant``, which holds the notes and the largest number
    that was ever an id, and a ``.lease-`` file for each refresh in progress.

    Args:
        path: The file, created when missing.
        timeout: Seconds to wait for another program.
        read_only: Do not change the file: nothing is created, saved, or given stricter rights.

    Raises:
        StoreUnavailable: The file cannot be used, or does not hold tokens; it was not changed.
        StoreMissing: There is no such file, and none may be created.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock = utc_now,
        timeout: float = 5.0,
        read_only: bool = False,
    ) -> None:
        super().__init__(clock=clock)
        # Resolved: a file that is renamed onto a link would replace the link.
        try:
            self._path = ownership.resolved(path, as_root=True)
        except OSError as error:
            raise secure_files.unusable_error(os.fspath(path), error) from None
        self._timeout = timeout
        self.url = f"file://{quote(os.fsencode(self._path), safe='/:')}"
        self._closed = False
        self._closed = False
        self._read_only = read_only
        self._begin()
        _fork.register(self)
        if read_only:
            self._look()
        else:
            self._make_ready()

    def _begin(self, changes: int = 0) -> None:
        self._process = _fork.this_process()
        self._known = CachedFile(self._path, self._timeout, changes)
        self._lock = WriterLock(self._path, self._timeout)
        self._leases = FileLeases(self._path, self._lock.held)
        self._change: _Change | None = None

    def _look(self) -> None:
        secure_files.require_not_planted(self._path, Sidecar.beside(self._path))
        if not Path(self._path).is_file():
            raise StoreMissing(f"there is no file of {self.url}", hint="Check the path.")
        self.change_counter()

    def _make_ready(self) -> None:
        # If there is a lock file but nothing else, rows and id counter were lost: the next ids are
        # then far above all former ones.
        had_lock, is_new = Path(self._lock.path).exists(), not Path(self._path).exists()
        secure_files.ensure_file(self._path, EMPTY)
        secure_files.require_not_planted(self._path, self._lock.path, Sidecar.beside(self._path))
        with translating_os_errors(self._path):
            if is_new and not had_lock and Sidecar(self._path).is_lost:
                Sidecar(self._path).create()  # before the lock file: see above
            secure_files.create(self._lock.path, os.stat(self._path))  # noqa: PTH116 - its error names the path
        with self._transaction() as change:
            self._leases.remove_stale()
            if not self._known.reading.content:
                self._commit(change)
            if had_lock and Sidecar(self._path).is_lost and not change.table.all_keys():
                Sidecar(self._path).raise_number(random_first_version())
        secure_files.restrict_permissions(self._path, self._lock.path, Sidecar.beside(self._path))

    @contextmanager
    def _read_table(self) -> Iterator[FileTable]:
        """Yield the tokens as they are now, or as this thread's transaction found them."""
        change = self._change  # read once: its thread may end it at any moment
        if change and change.thread == threading.get_ident():
            yield change.table
            return
        with self._known.lock:
            table = self._current()
            if table.clashing and self._read_only:
                table.apply(self._resolve_id_collisions(table))
        if table.clashing:
            with self._transaction():
                pass
        with self._known.lock:
            yield self._current()

    @contextmanager
    def _transaction(self) -> Iterator[_Change]:
        with self._locked():
            with self._known.lock:
                change = _Change(self._current(), self._known.reading.stamp)
            if change.table.clashing:
                change.rows = self._resolve_id_collisions(change.table)
                self._commit(change)
            self._change = change
            try:
                yield change
                if change.rows:
                    self._commit(change)
            finally:
                self._change = None

    def _resolve_id_collisions(self, table: FileTable) -> dict[Key, Line | None]:
        """Return the changes that give a new id to each row with the id of another user's row."""
        changes: dict[Key, Line | None] = {}
        first = self._last_number(table) + 1
        for number, key in enumerate(table.clashing, first):
            row = table.rows.by_key[key]
            changes |= table.with_new_id(key, number)
            _logger.warning(
                "%s: two users share the id %s; %s now has the id %s",
                self._path, row.id, row.user_name, number,
            )  # fmt: skip
        return changes

    def _commit(self, change: _Change) -> None:
        content = change.table.render(change.rows)
        if len(content) > snapshot.LARGEST:
            raise snapshot.too_large(self._path)
        written = secure_files.atomic_replace(
            self._path,
            content,
            old=os.stat(self._path),  # noqa: PTH116 - its error names the path
            before_rename=lambda: self._check_unchanged(change),
        )
        stamp = snapshot.stamp(written)
        with self._known.lock:
            change.table.apply(change.rows)
            change.rows, change.stamp = {}, stamp
            reading = snapshot.FileSnapshot(
                content, stamp, is_settled=snapshot.has_fine_mtime(written)
            )
            self._known.store(change.table, reading)

    def _check_unchanged(self, change: _Change) -> None:
        if snapshot.stamp(os.stat(self._path)) != change.stamp:  # noqa: PTH116 - as above
            raise StoreUnavailable(
                f"another program, which ignores the lock, wrote {self._path} at the same moment; "
                "nothing was saved",
                hint="Try again.",
            )

    def _select(self, criterion: Criterion) -> list[Row]:
        with self._read_table() as table:
            return table.rows.select(criterion)

    def _select_by_user(self, name: str) -> list[Row]:
        with self._read_table() as table:
            return table.rows.select_named(name)

    def _rows(self) -> Iterator[Row]:
        with self._read_table() as table:
            rows = list(table.rows.by_key.values())
        return iter(rows)

    def _insert(self, row: Row) -> bool:
        if self._stored(row) is not None:
            return False
        self._put(row)
        return True

    def _update(self, row: Row, version: int) -> bool:
        stored = self._stored(row)
        if stored is None or int(stored.version or 0) != version:
            return False
        self._put(row)
        return True

    def _stored(self, row: Row) -> Row | None:
        return self._open_change().table.rows.by_key.get(str(row.id))

    def _put(self, row: Row) -> None:
        change = self._open_change()
        change.rows[str(row.id)] = format_row(row)
        if outdated := change.table.superseded_by(row):
            change.rows |= dict.fromkeys(outdated)
            _logger.warning(
                "%s: %s has a newer token, %s: the older %s will be dropped",
                self._path, row.user_name, row.id, ", ".join(outdated),
            )  # fmt: skip

    def _delete(self, id_: str) -> bool:
        change = self._open_change()
        if id_ not in change.table.rows.by_key:
            return False
        change.rows[id_] = None
        Sidecar(self._path).raise_number(numeric_id(id_))
        return True

    def _delete_all(self) -> None:
        change = self._open_change()
        change.rows = dict.fromkeys(change.table.all_keys())
        sidecar = Sidecar(self._path)
        sidecar.last_number = self._last_number(change.table)
        sidecar.save()
        self._leases.remove_all()

    def _next_number(self) -> int:
        table, sidecar = self._open_change().table, Sidecar(self._path)
        number = self._last_number(table) + 1
        if sidecar.is_lost and table.all_keys():
            self.repeats_ids = True  # a deleted row may have had this number
        sidecar.raise_number(number)
        return number

    def _last_number(self, table: FileTable) -> int:
        return max(Sidecar(self._path).last_number, table.largest_number())

    def _open_change(self) -> _Change:
        if self._change is None:
            raise StoreError("rows are changed in a transaction only")
        return self._change

    def change_counter(self) -> int:
        """Return a number that differs after any thread or process has changed the file."""
        with self._known.lock:
            self._current()
            return self._known.changes

    def watch(self, id: str) -> Watch:  # noqa: A002 - as in the six methods
        """Return what waits for a change of the file or of the lease on this token."""
        return Watch(lambda: (self.change_counter(), self._leases.version(id)))

    def close(self) -> None:
        """Forget the tokens; each later use raises."""
        with self._known.lock:
            self._closed = True
            self._known.forget()

    def _current(self) -> FileTable:
        self._refuse_closed()
        return self._known.current()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store was closed", hint="Open it again.", retryable=False)

    def _refuse_changes(self) -> None:
        self._refuse_closed()
        if self._read_only:
            raise StoreUnavailable(
                f"{self.url} was opened read-only: refreshed tokens could not be saved",
                hint="Open it without read_only.",
                retryable=False,
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._refuse_changes()
        with translating_os_errors(self._path), self._lock.held():
            self._refuse_closed()
            yield

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        self._refuse_changes()
        with translating_os_errors(self._path):
            return self._leases.acquire(id_, owner, to_epoch_ms(self._clock()), ttl)

    def _release(self, id_: str, owner: str) -> None:
        self._refuse_changes()
        with translating_os_errors(self._path):
            self._leases.release(id_, owner)

    def _get_note(self, key: str) -> str:
        return Sidecar(self._path).notes.get(key, ("", 0))[0]

    def _set_note(self, key: str, text: str, until: int) -> None:
        Sidecar(self._path).put_note(key, text, until, to_epoch_ms(self._clock()))

    def before_fork(self) -> None:
        """Do nothing; see `_fork`."""

    def after_fork(self) -> None:
        """Start afresh in the child, where the threads that held a lock are gone; see `_fork`."""
        # Waiting for them before the fork would be a deadlock: filelock blocks all threads then.
        if self._process != _fork.this_process():
            self._begin(self._known.changes + 1)
