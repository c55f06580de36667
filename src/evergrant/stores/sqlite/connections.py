"""Connections to a SQLite database: one per thread, closed when the thread or the store ends."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from types import SimpleNamespace
from typing import Any

from evergrant import _fork
from evergrant._masking import raise_without_context
from evergrant.errors import StoreError, StoreUnavailable
from evergrant.stores.sqlite.errors import translate_error

__all__ = ["Connection", "Connections"]


PAUSE_S = 0.002
"""Longest time between two attempts while another program holds the lock, in seconds."""

Parameters = tuple[Any, ...] | dict[str, str]


class Connection(sqlite3.Connection):
    """A connection that translates its errors, and closes itself when it is no longer referenced.

    Args:
        target: The ``file:`` URI that SQLite opens.
        store: The store's URL, for messages.
        timeout: Seconds to wait for another program's lock.

    Attributes:
        lock: Held by the caller that uses the connection.
        serial: A number that differs for each connection opened in the same place.
        file: Identity of the file that was at the database's path when it was opened.
    """

    serial = 0
    file: tuple[int, int] | None = None

    def __init__(self, target: str, *, store: str, timeout: float) -> None:
        self.lock = threading.RLock()
        self.is_open = True
        self._disk_was_full = False
        self._store = store
        self._timeout = timeout
        try:
            super().__init__(
                target, timeout=0, isolation_level=None, check_same_thread=False, uri=True
            )
        except sqlite3.Error as error:
            raise self.translating_errors(error) from None
        self.run("PRAGMA synchronous=FULL")

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was never opened
            self.close()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self.is_open = False
        super().close()

    def translating_errors(self, error: sqlite3.Error) -> StoreError:
        """Return the error to raise in place of SQLite's."""
        code = getattr(error, "sqlite_errorcode", 0)
        self._disk_was_full = self._disk_was_full or code == sqlite3.SQLITE_FULL
        return translate_error(error, self._store, self._timeout)

    def run(self, sql: str, values: Parameters = ()) -> tuple[list[Any], int]:
        """Execute one statement; return its rows, and how many rows it changed.

        Text that is not UTF-8 is returned as bytes, so that the other rows can still be read.
        """
        try:
            cursor = self._execute_when_unlocked(sql, values)
            return cursor.fetchall(), cursor.rowcount
        except sqlite3.Error as error:
            if not _is_undecodable(error):
                raise_without_context(self.translating_errors(error))
        except (UnicodeEncodeError, OverflowError):
            raise_without_context(StoreError("SQLite cannot hold one of the values"))
        self.text_factory = _text_or_bytes
        try:
            return self.execute(sql, values).fetchall(), -1
        except sqlite3.Error as error:
            raise_without_context(self.translating_errors(error))
        finally:
            self.text_factory = str

    def _execute_when_unlocked(self, sql: str, values: Parameters) -> sqlite3.Cursor:
        """Execute one statement as soon as another program's lock is released.

        SQLite's own retries get rarer and rarer: among several programs that write all the time,
        one would not get its turn for seconds.
        """
        give_up: float | None = None
        while True:
            try:
                return self.execute(sql, values)
            except sqlite3.OperationalError as error:
                now = time.monotonic()
                give_up = give_up or now + self._timeout
                if not _is_busy(error) or now >= give_up:
                    raise
            time.sleep(random.uniform(0, PAUSE_S))  # noqa: S311 - not a key

    @contextmanager
    def transaction(self, *, lasting: bool = True) -> Iterator[None]:
        """Make the statements inside one change, which happens as a whole or not at all.

        Args:
            lasting: Whether the change is on the disk at the end; else it may be lost if the
                power fails.
        """
        if self._disk_was_full:
            self._checkpoint_wal()
        if not lasting:
            self.run("PRAGMA synchronous=NORMAL")
        try:
            self.run("BEGIN IMMEDIATE")
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self.rollback()
            raise
        finally:
            if not lasting:
                self.run("PRAGMA synchronous=FULL")

    def _checkpoint_wal(self) -> None:
        """Copy the log into the database, so that the log is written from its beginning again.

        SQLite itself does that when the log has 1,000 pages. If the disk has no room for them,
        the log would take all the room there is, and nothing could ever be saved again.
        """
        with suppress(sqlite3.Error):
            self.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._disk_was_full = False


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _is_undecodable(error: sqlite3.Error) -> bool:
    # SQLite's own errors have a code; this error comes from Python's module.
    return isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode")


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


class Connections:
    """Gives each thread its own connection, or all threads the same one.

    A process must have no connection open while it forks. SQLite keeps one record of its file
    locks per process; the child would inherit the record but not the locks, and the parent would
    then delete a log that the child still writes to. So all connections are closed before a fork,
    when their threads are not using them, and opened again afterwards.

    Args:
        connect: Opens a connection.
        shared: All threads use the same connection, in turns.
        survives_fork: Keep connections open during a fork, for a database in memory.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        shared: bool = False,
        survives_fork: bool = False,
    ) -> None:
        self._connect = connect
        self._own: Any = SimpleNamespace() if shared else threading.local()
        self._survives_fork = survives_fork
        self._serials = count(1)
        self._lock = threading.RLock()  # a signal's handler may fork in the middle of it
        self._all: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._resting: list[Connection] = []
        self._closed = False
        _fork.register(self)

    def acquire(self) -> Connection:
        """Return this thread's connection, with its lock held: the caller releases it.

        Raises:
            StoreUnavailable: The store was closed, or cannot be opened.
        """
        connection: Connection | None = getattr(self._own, "connection", None)
        if connection is not None:
            connection.lock.acquire()
            if connection.is_open:
                return connection
            connection.lock.release()
        return self._acquire_new()

    def run(self, sql: str, values: Parameters = ()) -> tuple[list[Any], int]:
        """Execute one statement on this thread's connection; see `Connection.run`."""
        connection = self.acquire()
        try:
            return connection.run(sql, values)
        finally:
            connection.lock.release()

    def _acquire_new(self) -> Connection:
        with self._lock:
            if self._closed:
                raise StoreUnavailable(
                    "the store was closed", hint="Open it again.", retryable=False
                )
            connection: Connection | None = getattr(self._own, "connection", None)
            if connection is None or not connection.is_open:
                connection = self._connect()
                connection.serial = next(self._serials)
                self._own.connection = connection
                self._all.add(connection)
            # Else another thread has just opened the shared connection.
            connection.lock.acquire()
            return connection

    def close(self) -> None:
        """Close every thread's connection, each when its thread is not using it."""
        with self._lock:
            self._closed = True
            for connection in list(self._all):
                with connection.lock:
                    connection.close()

    def before_fork(self) -> None:
        """Close the connections, and keep threads from opening one; see `_fork`."""
        self._lock.acquire()
        for connection in list(self._all):
            connection.lock.acquire()
            self._resting.append(connection)
            if not self._survives_fork:
                with suppress(sqlite3.Error):
                    connection.close()

    def after_fork(self) -> None:
        """Let the threads continue; see `_fork`."""
        while self._resting:
            self._resting.pop().lock.release()
        self._lock.release()
