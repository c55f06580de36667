"""Statements and transactions on a SQL database: one round trip per statement, with reconnection.

Statements go directly to the driver. SQLAlchemy itself would log what it reads at level DEBUG, and
a token store reads secrets.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from sqlalchemy import URL
from sqlalchemy.pool import PoolProxiedConnection

from evergrant import _fork
from evergrant._masking import raise_without_context
from evergrant.errors import ConfigError, StoreError, StoreUnavailable
from evergrant.stores.sql.errors import ConnectionLost, DuplicateKey, translate_error
from evergrant.stores.sql.pool import Pool, drop
from evergrant.stores.sql.poolers import is_pooled, settings_in
from evergrant.stores.sql.statements import Guard, Parameters, Statement
from evergrant.stores.sql.transaction_settings import TransactionSettings

__all__ = ["Answer", "Connections"]

COMMIT, ROLLBACK = Statement("COMMIT", None), Statement("ROLLBACK", None)

MIN_READ_TIMEOUT_S = 15.0
"""Least number of seconds to wait for a look-up on PostgreSQL; see `ReadTimeoutConnection`."""


class Answer(NamedTuple):
    """The result of a statement: its rows, and how many rows it found or changed."""

    rows: list[tuple[Any, ...]]
    changed: int


class Connections:
    """A pool of connections, which are in autocommit mode between transactions.

    Args:
        url: The address of the database.
        store: The store's URL, for messages.
        timeout: Seconds to wait for another writer's lock.
        read_only: Let the server refuse every change.

    Attributes:
        core, translating_errors, separate, close: Methods of the pool; see `Pool`.

    Raises:
        ConfigError: There is no such driver, or it does not know a parameter.
        MissingExtra: The driver is not installed.
    """

    def __init__(self, url: URL, *, store: str, timeout: float, read_only: bool = False) -> None:
        self._store = store
        self._pool = pool = Pool(url, store=store)
        self.engine, self.dialect = pool.engine, pool.dialect
        self.core, self.translating_errors, self.separate = (
            pool.core,
            pool.translating_errors,
            pool.separate,
        )
        self.close = pool.close
        self.is_mysql = self.dialect.name in ("mysql", "mariadb")
        self._limits = TransactionSettings(self.dialect, timeout=timeout, read_only=read_only)
        self._backoff = max(MIN_READ_TIMEOUT_S, timeout)
        self._has_changed = False
        self._own = threading.local()
        # Writers of this process queue here; if they waited for a row, they would use up the pool.
        self._writing = _fork.ProcessLock()
        self._process = _fork.this_process()
        _fork.register(self)

    @property
    def closed(self) -> bool:
        """Whether `close` was called; each later use raises."""
        return self._pool.closed

    @property
    def moves(self) -> int:
        """How often all connections were replaced by new ones."""
        return self._pool.moves

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is in a transaction."""
        return getattr(self._own, "connection", None) is not None

    def run(self, statement: Statement, values: Parameters | None = None) -> Answer:
        """Execute a statement in this thread's transaction or, outside of one, by itself.

        By itself it may be executed twice: after a lost connection, it is unknown whether the
        first time counted.

        Raises:
            StoreError: The database refuses, cannot be reached, or cannot hold a value.
        """
        raw = getattr(self._own, "connection", None)
        if raw is not None:
            return self._execute(raw, statement, values)
        raw, answer = self._first(statement, values, self._backoff)
        self._pool.give_back(raw)
        return answer

    def add(self, statement: Statement, values: Parameters) -> bool:
        """Execute a statement that adds a row; return False if its key was taken."""
        try:
            return self.run(statement, values).changed > 0
        except DuplicateKey:
            return False

    def _first(
        self, statement: Statement, values: Parameters | None, patience: float | None
    ) -> tuple[PoolProxiedConnection, Answer]:
        """Execute the first statement on a connection; return the connection, too.

        If the connection is lost, or leads to a server that no longer takes changes, one new
        connection is tried: the server was restarted, or another one is the primary now.
        """
        try:
            return self._at_first(statement, values, patience)
        except ConnectionLost:
            pass
        return self._at_first(statement, values, patience)

    def _at_first(
        self, statement: Statement, values: Parameters | None, patience: float | None
    ) -> tuple[PoolProxiedConnection, Answer]:
        raw = self._pool.acquire()
        try:
            self._pool.wait(raw, patience)
            return raw, self._execute(raw, statement, values)
        except BaseException:
            if statement is self._limits.begin:
                drop(raw)  # the statement may have been half done
            self._pool.give_back(raw)
            raise

    @contextmanager
    def transaction(self, guard: Guard, values: Parameters) -> Iterator[Answer]:
        """Make the statements of this thread inside one change, as a whole or not at all.

        Yields:
            The result of the guard's statement.
        """
        with self._writing.get():
            raw, _ = self._first(self._limits.begin, None, None)
            self._own.connection = raw
            try:
                yield self._execute(raw, guard.enter, values)
                if guard.leave:
                    self._execute(raw, guard.leave)
                self._commit(raw)
            except BaseException:
                if guard.leave:
                    self._finish(raw, guard.leave)
                self._finish(raw, ROLLBACK)
                raise
            finally:
                self._own.connection = None
                self._pool.give_back(raw)

    def _commit(self, raw: PoolProxiedConnection) -> None:
        try:
            self._execute(raw, COMMIT)
        except ConnectionLost as error:
            raise StoreUnavailable(
                f"{error.message} while it saved: it may or may not have saved",
                hint="Read the token again, then decide again.",
            ) from None

    def _finish(self, raw: PoolProxiedConnection, statement: Statement) -> None:
        if raw.is_valid:
            with suppress(StoreError):
                self._execute(raw, statement)
                return
            raw.invalidate()

    def _execute(
        self, raw: PoolProxiedConnection, statement: Statement, values: Parameters | None = None
    ) -> Answer:
        statement = self._limits.of(statement)
        try:
            cursor = raw.cursor()
            cursor.execute(statement.text, statement.bound(values), **statement.options)
            rows = list(cursor.fetchall()) if cursor.description else []
            answer = Answer(rows, cursor.rowcount)
            cursor.close()
        except self.dialect.loaded_dbapi.Error as error:
            lost = self.dialect.is_disconnect(error, raw, None)
            problem = translate_error(error, self._store, lost=lost, was_writable=self._has_changed)
            if lost or isinstance(problem, ConnectionLost):
                self._pool.leave(raw)
            raise_without_context(problem)
        except BaseException:
            # Interrupted in the middle of a result: the next statement would read the rest of it.
            raw.invalidate()
            raise
        self._has_changed = self._has_changed or statement.changes
        return answer

    def check(self, *, changes: bool) -> None:
        """Check that a pooler before the server passes on what a store needs.

        Args:
            changes: Whether the store is to be changed, too.

        Raises:
            ConfigError: A pooler drops a setting of the URL that decides which tables are used.
            StoreUnavailable: A pooler allows no transactions.
        """
        if self.is_mysql:
            return
        for name, value in settings_in(str(self.engine.url.query.get("options", ""))):
            asked = Statement(f"SELECT current_setting('{name}')", None)
            if self.run(asked).rows != [(value,)]:
                raise ConfigError(
                    f"{self._store} does not get its {name}: a pooler drops it",
                    hint="Set it for the account (ALTER ROLE ... SET ...), and leave it out here.",
                )
        if changes:
            raw, _ = self._first(self._limits.begin, None, None)
            self._finish(raw, ROLLBACK)
            self._pool.give_back(raw)

    @property
    def is_pooled(self) -> bool:
        """Whether the server is known to be behind a pooler or SQL proxy."""
        raw = self._pool.acquire()
        try:
            return self.translating_errors(lambda: is_pooled(raw.driver_connection))
        except BaseException:
            drop(raw)
            raise
        finally:
            self._pool.give_back(raw)

    def before_fork(self) -> None:
        """Do nothing; see `_fork`."""

    def after_fork(self) -> None:
        """Forget the parent's transactions in the child."""
        if _fork.this_process() != self._process:
            self._process = _fork.this_process()
            self._own = threading.local()
