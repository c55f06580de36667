"""`SQLiteStore`: tokens in a SQLite file, shared by the threads and processes of one host."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evergrant._files import secure_files
from evergrant._user_names import belongs_to
from evergrant.clock import Clock, to_epoch_ms, utc_now
from evergrant.errors import StoreMissing, StoreUnavailable
from evergrant.stores.base import TokenStore
from evergrant.stores.in_process import CLOCKS_DIFFER_MS
from evergrant.stores.leases import is_active
from evergrant.stores.matching import Criterion, fits
from evergrant.stores.rows import Row, numeric_id
from evergrant.stores.sqlite import files
from evergrant.stores.sqlite import statements as sql
from evergrant.stores.sqlite.connections import Connection, Connections
from evergrant.stores.sqlite.schema import prepare, prepare_read_only
from evergrant.stores.tables import DEFAULT_TABLE
from evergrant.stores.versions import random_first_version

__all__ = ["SQLiteStore"]

PAGE = 500
"""Rows that a listing reads at a time, so that it neither fills the memory nor blocks a writer."""


class SQLiteStore(TokenStore):
    """Keeps tokens in a SQLite database; a save is on the disk before it returns.

    A table with the official ten columns is extended, and stays usable for the programs that
    made it.

    Args:
        path: The file, created when missing; or ``:memory:``.
        table: The table of tokens.
        timeout: Seconds to wait for another program's lock.
        read_only: Do not change the file: nothing is created, extended, saved, or given stricter
            rights.

    Raises:
        StoreUnavailable: The file cannot be used, or does not hold tokens; it was not changed.
        StoreMissing: There is no such file or table, and none may be created.
        ConfigError: A table cannot have this name.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        table: str = DEFAULT_TABLE,
        timeout: float = 5.0,
        read_only: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(clock=clock)
        self._sql = sql.Statements(table)
        self._timeout = timeout
        self._read_only = read_only
        in_memory = path == ":memory:"
        # Absolute, so that the store stays the same when the program changes its folder.
        self._path = None if in_memory else str(Path(path).absolute())
        quoted = quote(os.fsencode(self._path or ":memory:"), safe="/:")
        # SQLite may not create the file, so that it has its mode before it has any content.
        self._target = quoted if in_memory else f"file:{quoted}?mode=rw"
        self.url = f"sqlite:///{quoted}" + ("" if table == DEFAULT_TABLE else f"?table={table}")
        self._connections = Connections(self._connect, shared=in_memory, survives_fork=in_memory)
        # A connection that never writes sees all changes, including those of this process.
        self._watcher = self._connections if in_memory else Connections(self._connect, shared=True)
        # Writers of this process queue here. SQLite's own retries get rarer and rarer, and the
        # thread that writes most would keep the others out.
        self._writing = threading.Lock()
        if self._path and not read_only:
            secure_files.ensure_file(self._path)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> Connection:
        if self._path:
            files.refuse_planted(self._path)  # first: a file that cannot be seen is not missing
            if self._read_only and files.identity(self._path) is None:
                raise StoreMissing(f"there is no file of {self.url}")
        connection = Connection(self._target, store=self.url, timeout=self._timeout)
        connection.file = files.identity(self._path) if self._path else None
        if self._read_only:
            prepare_read_only(connection, self._sql, self.url)
        return connection

    def _prepare(self) -> None:
        connection = self._connections.acquire()
        try:
            if not self._read_only:
                prepare(connection, self._sql, self._path)
        finally:
            connection.lock.release()

    def change_counter(self) -> int:
        """Return a number that differs after any thread or process has changed the database."""
        connection = self._watcher.acquire()
        try:
            if self._path is None:
                return connection.total_changes
            rows, _ = connection.run("PRAGMA data_version")
        finally:
            connection.lock.release()
        version: int = rows[0][0]
        return connection.serial << 32 | version

    def purge_deleted(self) -> None:
        """Rewrite the file without deleted and replaced data."""
        connection = self._connections.acquire()
        try:
            with self._writing:
                connection.run("VACUUM")
                connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.lock.release()

    def storage_id(self) -> Hashable:
        """Return what identifies this table, however its file was named."""
        file = files.identity(self._path) if self._path else id(self)
        return "sqlite", file, self._sql.key

    def close(self) -> None:
        """Close the connections of all threads; each later use raises."""
        self._connections.close()
        self._watcher.close()

    def _transaction(self) -> AbstractContextManager[None]:
        return self._change(lasting=True)

    def _volatile_transaction(self) -> AbstractContextManager[None]:
        return self._change(lasting=False)

    @contextmanager
    def _change(self, *, lasting: bool) -> Iterator[None]:
        connection = self._connections.acquire()
        try:
            if self._path and files.identity(self._path) != connection.file:
                raise StoreUnavailable(
                    f"the file of {self.url} was removed or replaced; nothing was saved",
                    hint="Restart the program, or put the file back.",
                    retryable=False,
                )
            with self._writing, connection.transaction(lasting=lasting):
                yield
        finally:
            connection.lock.release()

    def _run(self, statement: str, *values: Any) -> list[Any]:
        return self._connections.run(statement, values)[0]

    def _select(self, criterion: Criterion) -> list[Row]:
        found, _ = self._connections.run(self._sql.select(criterion), criterion)
        rows = list(map(Row, found))
        return [row for row in rows if fits(row, criterion)] if "user_name" in criterion else rows

    def _select_by_user(self, name: str) -> list[Row]:
        found = map(Row, self._run(self._sql.select_named, name, f"{name}:", f"{name};"))
        return [row for row in found if belongs_to(str(row.user_name), name)]

    def _rows(self) -> Iterator[Row]:
        last = -(2**63)
        while rows := self._run(self._sql.select_page, last, PAGE):
            yield from (Row(row[1:]) for row in rows)
            last = rows[-1][0]
            del rows  # reading the next page may raise, and a traceback print local variables

    def _insert(self, row: Row) -> bool:
        return self._connections.run(self._sql.insert, row)[1] > 0

    def _update(self, row: Row, version: int) -> bool:
        return any(
            self._connections.run(statement, values)[1] > 0
            for statement, values in self._sql.updates(row, version)
        )

    def _delete(self, id_: str) -> bool:
        if self._connections.run(self._sql.delete, (id_,))[1] == 0:
            return False
        # Another program may have given this id, and it must never be given again.
        self._run(sql.RAISE_COUNT, numeric_id(id_), self._sql.key)
        return True

    def _delete_all(self) -> None:
        self._raise_count()
        self._run(self._sql.delete_all)
        self._run(sql.END_LEASES, self._sql.key)

    def _next_number(self) -> int:
        number = self._count()
        if self._select(Criterion(id=str(number))):
            # Another program has given ids itself.
            self._raise_count()
            number = self._count()
        return number

    def _count(self) -> int:
        if not self._connections.run(sql.COUNT, (self._sql.key,))[1]:
            # Another program has deleted the counter.
            self._run(self._sql.start_counter(random_first_version()))
        number: int = self._run(sql.COUNTED, self._sql.key)[0][0]
        return number

    def _raise_count(self) -> None:
        [(largest,)] = self._run(self._sql.select_largest)
        self._run(sql.RAISE_COUNT, largest, self._sql.key)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        with self._volatile_transaction():
            now = to_epoch_ms(self._clock())
            for holder, since, until in self._run(sql.FIND_LEASE, self._sql.key, id_):
                if holder != owner and is_active(since, until, now):
                    return False
            self._run(sql.GRANT_LEASE, self._sql.key, id_, owner, now, now + int(ttl * 1000))
        return True

    def _release(self, id_: str, owner: str) -> None:
        with self._volatile_transaction():
            self._run(sql.END_LEASE, self._sql.key, id_, owner)

    def _get_note(self, key: str) -> str:
        found = self._run(sql.FIND_NOTE, self._sql.key, key)
        return found[0][0] if found else ""

    def _set_note(self, key: str, text: str, until: int) -> None:
        self._run(sql.END_OLD_NOTES, self._sql.key, to_epoch_ms(self._clock()) - CLOCKS_DIFFER_MS)
        if text:
            self._run(sql.PUT_NOTE, self._sql.key, key, text, until)
        else:
            self._run(sql.END_NOTE, self._sql.key, key)
