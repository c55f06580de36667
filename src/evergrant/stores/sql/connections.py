"""Pooled connections to a SQL database: one round trip a statement, and healed when they break.

Statements go to the driver directly. SQLAlchemy's own way of executing them logs what it reads
at the level DEBUG, and a token store reads secrets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import URL, Connection, exc
from sqlalchemy.pool import PoolProxiedConnection

from evergrant import forking
from evergrant.errors import ConfigError, StoreError, StoreUnavailable
from evergrant.stores.sql.engine import CONNECTIONS, make_engine
from evergrant.stores.sql.errors import ConnectionLost, Taken, explained
from evergrant.stores.sql.statements import Guard, Parameters, Statement

__all__ = ["Answer", "Connections"]

BEGIN, COMMIT, ROLLBACK = (Statement(text, None) for text in ("BEGIN", "COMMIT", "ROLLBACK"))

WAIT = 30.0
"""Seconds to wait for a connection while other threads use all of them."""

T = TypeVar("T")


class Answer(NamedTuple):
    """What a statement brought: rows, and how many of them it found or changed."""

    rows: list[tuple[Any, ...]]
    changed: int


class Connections:
    """A pool of connections, which are in autocommit mode between transactions.

    Args:
        url: Where to.
        store: The store's URL, for messages.
        timeout: How long to wait for another writer's lock, in seconds.
        read_only: Let the server refuse whatever would change it.

    Raises:
        ConfigError: There is no such driver, or it does not know a parameter.
        MissingExtra: The driver is not installed.
    """

    def __init__(self, url: URL, *, store: str, timeout: float, read_only: bool = False) -> None:
        self._store = store
        self.engine = make_engine(url, store=store, timeout=timeout, read_only=read_only)
        self.dialect = self.engine.dialect
        self.is_mysql = self.dialect.name in ("mysql", "mariadb")
        self._own = threading.local()
        # In this process writers queue here: those who wait for a row would use up the pool.
        self._writing = forking.ProcessLock()
        # And whoever needs a connection, here: the pool does not tell those who wait in it that
        # one could not be opened, and with the server gone they would wait to the end.
        self._free = threading.Semaphore(CONNECTIONS)
        self._closed = False
        self._process = forking.this_process()
        self._parents: list[Any] = []
        forking.watch(self)

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is in a transaction."""
        return getattr(self._own, "connection", None) is not None

    def run(self, statement: Statement, values: Parameters | None = None) -> Answer:
        """Execute a statement, in this thread's transaction or, if there is none, on its own.

        On its own it may be executed twice: where the connection is lost, nobody knows whether
        the first time counted.

        Raises:
            StoreError: The database refuses, cannot be reached, or cannot hold a value.
        """
        raw = getattr(self._own, "connection", None)
        if raw is not None:
            return self._execute(raw, statement, values)
        raw, answer = self._first(statement, values)
        self._give_back(raw)
        return answer

    def add(self, statement: Statement, values: Parameters) -> bool:
        """Execute a statement that adds a row; say whether it did, or its key was taken."""
        try:
            return self.run(statement, values).changed > 0
        except Taken:
            return False

    def _first(
        self, statement: Statement, values: Parameters | None = None
    ) -> tuple[PoolProxiedConnection, Answer]:
        """Execute what comes first on a connection; return the connection too.

        If it turns out to be lost, a new one is tried, once: the server was restarted.
        """
        raw = self._acquire()
        try:
            return raw, self._execute(raw, statement, values)
        except ConnectionLost:
            self._give_back(raw)
        except BaseException:
            self._give_back(raw)
            raise
        raw = self._acquire()
        try:
            return raw, self._execute(raw, statement, values)
        except BaseException:
            self._give_back(raw)
            raise

    @contextmanager
    def transaction(self, guard: Guard, values: Parameters) -> Iterator[Answer]:
        """Make what this thread runs inside one change, whole or not at all.

        Yields:
            What the guard's statement brought.
        """
        with self._writing.here():
            raw, _ = self._first(BEGIN)
            self._own.connection = raw
            try:
                yield self._execute(raw, guard.enter, values)
                self._commit(raw)
            except BaseException:
                self._finish(raw, ROLLBACK)
                raise
            finally:
                self._own.connection = None
                if guard.leave:
                    self._finish(raw, guard.leave)
                self._give_back(raw)

    def _commit(self, raw: PoolProxiedConnection) -> None:
        try:
            self._execute(raw, COMMIT)
        except ConnectionLost as error:
            raise StoreUnavailable(
                f"{error.message} while it saved: it may or may not have saved",
                hint="Read the token again and decide anew.",
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
        try:
            cursor = raw.cursor()
            cursor.execute(statement.text, statement.bound(values))
            rows = list(cursor.fetchall()) if cursor.description else []
            answer = Answer(rows, cursor.rowcount)
            cursor.close()
        except self.dialect.loaded_dbapi.Error as error:
            lost = self.dialect.is_disconnect(error, raw, None)
            problem = explained(error, self._store, lost=lost)
        except BaseException:
            # Broken off in the middle of an answer: the next one would read the rest of it.
            raw.invalidate()
            raise
        else:
            return answer
        if isinstance(problem, ConnectionLost):
            raw.invalidate()
            self.engine.dispose()  # the others in the pool are as dead
        # Out here, the error that was caught does not travel along: it quotes values.
        raise problem

    def _acquire(self) -> PoolProxiedConnection:
        if self._closed:
            raise StoreUnavailable("the store was closed", hint="Open it again.", retryable=False)
        if not self._free.acquire(timeout=WAIT):
            raise self._all_in_use()
        try:
            return self.explaining(self.engine.raw_connection, connecting=True)
        except BaseException:
            self._free.release()
            raise

    def _give_back(self, raw: PoolProxiedConnection) -> None:
        raw.close()
        self._free.release()
        if self._closed:  # meanwhile, and nobody else looks into the pool again
            self.engine.pool.dispose()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def separate(self) -> Any:
        """Open a connection of the driver's that is the caller's to use and to close."""
        raw = self._acquire()
        connection = raw.driver_connection
        raw.detach()
        self._free.release()
        return connection

    def core(self, work: Callable[[Connection], T]) -> T:
        """Return what is done with a connection of SQLAlchemy Core: for what is no secret."""
        connection = self.explaining(self.engine.connect, connecting=True)
        with connection:
            return self.explaining(lambda: work(connection))

    def explaining(self, work: Callable[[], T], *, connecting: bool = False) -> T:
        """Return what the work returns; the database's errors become ours.

        Args:
            connecting: The work is to open a connection, no more.
        """
        try:
            return work()
        except exc.TimeoutError:
            problem: Exception = self._all_in_use()
        except (exc.DBAPIError, self.dialect.loaded_dbapi.Error) as error:
            cause = getattr(error, "orig", None) or error
            if connecting and isinstance(cause, self.dialect.loaded_dbapi.ProgrammingError):
                problem = self._unusable(cause)
            else:
                lost = getattr(error, "connection_invalidated", False)
                problem = explained(cause, self._store, lost=lost, connecting=connecting)
        except (TypeError, ValueError, AttributeError, OSError) as error:
            if not connecting:
                raise
            problem = self._unusable(error)
        # Out here, the error that was caught does not travel along: its frames hold the password.
        raise problem

    def _all_in_use(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"all connections to {self._store} are in use",
            hint="Try again, or give fewer threads the store at a time.",
        )

    def _unusable(self, error: BaseException) -> ConfigError:
        # A parameter that the driver does not know, or a file of TLS that is not there.
        return ConfigError(
            f"the driver cannot use {self._store}: {error}", hint="Check its parameters."
        )

    def close(self) -> None:
        """Close the connections; each use from now on raises."""
        self._closed = True
        self.engine.pool.dispose()

    def before_fork(self) -> None:
        """Nothing: the parent goes on with its connections; see `forking`."""

    def after_fork(self) -> None:
        """Leave the connections to the parent: two processes would mix their answers."""
        if forking.this_process() != self._process:
            self._process = forking.this_process()
            # Kept, since a connection that nobody refers to says goodbye to its server.
            self._parents.append(self.engine.pool)
            self._own = threading.local()
            self._free = threading.Semaphore(CONNECTIONS)
            self.engine.dispose(close=False)
