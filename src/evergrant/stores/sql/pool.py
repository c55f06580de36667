"""The connections of a process to a SQL database: opened, lent, taken back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, event, exc
from sqlalchemy.pool import PoolProxiedConnection

from evergrant import _fork
from evergrant._masking import raise_without_context
from evergrant.errors import ConfigError, StoreUnavailable
from evergrant.stores.sql.engine import CONNECTIONS, make_engine
from evergrant.stores.sql.errors import is_misfit, translate_error

__all__ = ["Pool", "drop"]

WAIT_S = 30.0
"""Seconds to wait for a connection while other threads use all of them."""

T = TypeVar("T")


class Pool:
    """A pool of connections in autocommit mode, which are replaced when they break.

    Args:
        url: The address of the database.
        store: The store's URL, for messages.

    Attributes:
        closed: Whether `close` was called.
        moves: How often all connections were replaced by new ones, because the server was gone or
            is no longer the primary.

    Raises:
        ConfigError: There is no such driver, or it does not take a parameter.
        MissingExtra: The driver is not installed.
    """

    def __init__(self, url: URL, *, store: str) -> None:
        self._store = store
        self.engine = make_engine(url, store=store)
        self.dialect = self.engine.dialect
        # Threads queue here for a connection. SQLAlchemy's pool does not tell waiting threads that
        # one could not be opened; with the server gone, they would wait for the whole timeout.
        self._free = threading.Semaphore(CONNECTIONS)
        self._is_patient = self.dialect.driver == "psycopg"
        self._process = _fork.this_process()
        self._parents: list[Any] = []
        self.closed = False
        self.moves = 0
        _fork.register(self)
        self._sockets = sockets = _fork.Sockets(_socket_of)
        event.listen(self.engine, "connect", lambda raw, _: sockets.add(raw))

    def acquire(self) -> PoolProxiedConnection:
        """Return a connection when one is free; the caller gives it back."""
        if self.closed:
            raise StoreUnavailable("the store was closed", hint="Open it again.", retryable=False)
        if not self._free.acquire(timeout=WAIT_S):
            raise self._all_in_use()
        try:
            return self.translating_errors(self.engine.raw_connection, connecting=True)
        except BaseException:
            self._free.release()
            raise

    def give_back(self, raw: PoolProxiedConnection) -> None:
        """Give a connection back to the pool."""
        raw.close()
        self._free.release()
        if self.closed:  # closed in the meantime: no other call will empty the pool
            self.engine.pool.dispose()

    def leave(self, raw: PoolProxiedConnection) -> None:
        """Close a lost connection and all others, which lead to the same server."""
        drop(raw)
        self.engine.dispose()
        self.moves += 1

    def wait(self, raw: PoolProxiedConnection, patience: float | None) -> None:
        """Set how many seconds a connection waits for a result; None means the driver's default."""
        if self._is_patient:
            connection: Any = raw.driver_connection
            if patience is None:
                vars(connection).pop("patience", None)
            else:
                connection.patience = patience

    def separate(self) -> Any:
        """Open a connection of the driver, which the caller uses and closes."""
        raw = self.acquire()
        connection = raw.driver_connection
        raw.detach()
        self._free.release()
        return connection

    def core(self, work: Callable[[Connection], T]) -> T:
        """Return the result of work on a SQLAlchemy Core connection, which must not see secrets."""
        connection = self.translating_errors(self.engine.connect, connecting=True)
        with connection:
            self.wait(connection.connection, None)
            return self.translating_errors(lambda: work(connection))

    def translating_errors(self, work: Callable[[], T], *, connecting: bool = False) -> T:
        """Return the result of the work; raise our errors in place of the database's.

        Args:
            connecting: The work only opens a connection.
        """
        try:
            return work()
        except exc.TimeoutError:
            raise_without_context(self._all_in_use())
        except (exc.DBAPIError, self.dialect.loaded_dbapi.Error) as error:
            cause = getattr(error, "orig", None) or error
            if connecting and (
                is_misfit(cause) or isinstance(cause, self.dialect.loaded_dbapi.ProgrammingError)
            ):
                raise_without_context(self._unusable(cause))
            lost = getattr(error, "connection_invalidated", False)
            raise_without_context(
                translate_error(cause, self._store, lost=lost, connecting=connecting)
            )
        except (TypeError, ValueError, AttributeError, OSError) as error:
            if not connecting:
                raise
            raise_without_context(self._unusable(error))

    def _all_in_use(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"all connections to {self._store} are in use",
            hint="Try again, or use the store from fewer threads at a time.",
        )

    def _unusable(self, error: BaseException) -> ConfigError:
        # For example a parameter that the driver does not know, or a missing TLS file.
        return ConfigError(
            f"the driver cannot use {self._store}: {' '.join(str(error).split())}",
            hint="Check its parameters. A setting that a pooler does not pass on belongs to the "
            "account (ALTER ROLE ... SET ...).",
        )

    def close(self) -> None:
        """Close the connections; each later use raises."""
        self.closed = True
        self.engine.pool.dispose()

    def before_fork(self) -> None:
        """Do nothing; see `_fork`."""

    def after_fork(self) -> None:
        """Leave the connections to the parent: two processes would mix their answers."""
        if _fork.this_process() != self._process:
            self._process = _fork.this_process()
            # Kept, since a connection that is freed sends a goodbye to its server.
            self._parents.append(self.engine.pool)
            self._free = threading.Semaphore(CONNECTIONS)
            self.engine.dispose(close=False)


def _socket_of(connection: Any) -> int:
    shown = hasattr(connection, "fileno")
    socket = connection if shown else connection._sock  # noqa: SLF001 - PyMySQL shows none
    return int(socket.fileno())


def drop(raw: PoolProxiedConnection) -> None:
    """Close a connection that cannot be used again."""
    if raw.is_valid:
        raw.invalidate()
