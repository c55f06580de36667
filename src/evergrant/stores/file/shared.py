"""A token file that processes share: whose turn it is, and what they tell each other beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from evergrant import _fork
from evergrant._files import ownership, secure_files
from evergrant.clock import Clock, to_epoch_ms
from evergrant.errors import StoreUnavailable
from evergrant.stores.base import TokenStore
from evergrant.stores.file.cached_file import CachedFile, translating_os_errors
from evergrant.stores.file.leases import FileLeases
from evergrant.stores.file.sidecar import Sidecar
from evergrant.stores.file.table import FileTable
from evergrant.stores.file.writer_lock import WriterLock
from evergrant.stores.watch import Watch

__all__ = ["SharedFile"]


class SharedFile(TokenStore):
    """What a file store is beside its rows: a file, its lock, and its sidecar.

    Args:
        path: The file.
        timeout: How long to wait for another program, in seconds.
        read_only: Let nobody change it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Clock, timeout: float, read_only: bool
    ) -> None:
        super().__init__(clock=clock)
        # The file itself: what is renamed onto a link would take the link's place.
        try:
            self._path = ownership.resolved(path, as_root=True)
        except OSError as error:
            raise secure_files.unusable_error(os.fspath(path), error) from None
        self._timeout = timeout
        self.url = f"file://{quote(os.fsencode(self._path), safe='/:')}"
        self._closed = False
        self._read_only = read_only
        self._begin()
        _fork.register(self)

    def _begin(self, changes: int = 0) -> None:
        self._process = _fork.this_process()
        self._known = CachedFile(self._path, self._timeout, changes)
        self._lock = WriterLock(self._path, self._timeout)
        self._leases = FileLeases(self._path, self._lock.held)

    def change_counter(self) -> int:
        """Return a number that differs once any thread or process has changed the file."""
        with self._known.lock:
            self._current()
            return self._known.changes

    def watch(self, id: str) -> Watch:  # noqa: A002 - as in the six methods
        """Return what waits for a change of the file, or of the lease on this token."""
        return Watch(lambda: (self.change_counter(), self._leases.version(id)))

    def close(self) -> None:
        """Forget the tokens; each use from now on raises."""
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
                f"{self.url} was opened only to read: refreshed tokens could not be saved",
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
        """Nothing has to rest; see `forking`."""

    def after_fork(self) -> None:
        """Begin anew in the child: threads that held a lock there are gone; see `forking`."""
        # Waiting for them before the fork would be a deadlock: filelock lets nobody go on then.
        if self._process != _fork.this_process():
            self._begin(self._known.changes + 1)
