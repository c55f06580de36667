"""`SQLStore`: tokens in MySQL, MariaDB or PostgreSQL, shared by any number of hosts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

from evergrant._user_names import belongs_to
from evergrant.clock import Clock, utc_now
from evergrant.errors import MissingExtra, StoreError, StoreUnavailable
from evergrant.stores.base import TokenStore
from evergrant.stores.in_process import InProcessNotes
from evergrant.stores.leases import Watch
from evergrant.stores.matching import Criterion, fits
from evergrant.stores.rows import COLUMNS, Row, decode, encode, numeric_id
from evergrant.stores.tables import DEFAULT_TABLE
from evergrant.token import Secret, Token

try:
    from sqlalchemy import URL
except ModuleNotFoundError:
    raise MissingExtra("a SQL store", extra="mysql,postgres") from None

from evergrant.stores.sql.connections import Connections
from evergrant.stores.sql.errors import UnfitError, read_only_error, retry_on_contention, torn_error
from evergrant.stores.sql.id_counter import CountedIds, GuessedIds
from evergrant.stores.sql.leases import Leases
from evergrant.stores.sql.notes import SQLNotes
from evergrant.stores.sql.notifications import NotificationListener
from evergrant.stores.sql.poolers import costs
from evergrant.stores.sql.schema import prepare
from evergrant.stores.sql.server_clock import server_time
from evergrant.stores.sql.statements import Parameters, Statement, Statements, Values, like_prefix
from evergrant.stores.sql.urls import display_url, parse_url, validate_table

__all__ = ["SQLStore"]

PAGE = 500
"""Rows that a listing reads at a time, so that it neither fills the memory nor blocks a writer."""

T = TypeVar("T")


class SQLStore(TokenStore):
    """Keeps tokens in a table of a MySQL, MariaDB or PostgreSQL database.

    The official SDK's table is extended, and stays usable for the programs that made it. If the
    account may not extend it, it is used as it is: see docs/stores.md for what that costs.

    Args:
        url: A SQLAlchemy URL, such as ``mysql+pymysql://user:password@host/database``. Its
            parameters, except ``?table=``, go to the driver in the types that it takes.
        table: The table of tokens.
        timeout: Seconds to wait for another writer.
        read_only: Do not change the database: nothing is created, extended or saved.

    Raises:
        StoreMissing: There is no such table, and none may be created.
        StoreUnavailable: The database cannot be used, or does not hold tokens; it was not changed.
        ConfigError: The URL is malformed, or a table cannot have this name.
        MissingExtra: SQLAlchemy or the driver is not installed.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        table: str | None = None,
        timeout: float = 10.0,
        read_only: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(clock=clock)
        # Replaces the text, which has the password: a traceback may print local variables.
        url, named = parse_url(Secret(url) if isinstance(url, str) else url)
        self._table = validate_table(named if table is None else table)
        self.url = display_url(url, self._table)
        self._key = self._table.lower()
        self._timeout = timeout
        self._read_only = read_only
        self._connections = Connections(url, store=self.url, timeout=timeout, read_only=read_only)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @classmethod
    def connect(
        cls,
        host: str = "localhost",
        database_name: str = "zohooauth",
        user_name: str = "root",
        password: str | Secret = "",
        port_number: str | int = 3306,
        table_name: str = DEFAULT_TABLE,
        *,
        drivername: str = "mysql",
        timeout: float = 10.0,
        clock: Clock = utc_now,
    ) -> Self:
        """Open the store that the official SDK's ``DBStore`` opens with the same arguments.

        Args:
            drivername: The database and driver, as at the beginning of a URL.
        """
        url = URL.create(
            drivername,
            user_name,
            str.__str__(password) or None,
            host,
            int(port_number),
            database_name,
        )
        del password  # a traceback may print local variables
        return cls(url, table=table_name, timeout=timeout, clock=clock)

    def _open(self) -> None:
        self._connections.check(changes=not self._read_only)
        self._layout = layout = prepare(self._connections, self._table, read_only=self._read_only)
        self.id_width = layout.widths.get("id")
        self.stored_fields = layout.fields
        self._sql = Statements(
            self._connections.dialect,
            layout.tokens,
            layout.counters,
            ignores_case=layout.ignores_case,
        )
        self._numbers = self._numbered(may_count=layout.has_counters and not self._read_only)
        self.repeats_ids = not isinstance(self._numbers, CountedIds)
        leases = Leases(self._connections, layout.leases, self._key)
        may_lease = layout.has_leases and not self._read_only and self._may(leases.remove_expired)
        self._leases = leases if may_lease else None
        can_listen = may_lease and NotificationListener.can_use(self._connections)
        self._listening = NotificationListener(self._connections) if can_listen else None
        notes = SQLNotes(self._connections, layout.notes, self._key, self._clock)
        use = partial(notes.read, "") if self._read_only else notes.remove_expired
        shared = layout.has_notes and self._may(use)
        self._notes = notes if shared else InProcessNotes(self._clock)

    def _numbered(self, *, may_count: bool) -> GuessedIds:
        counted = CountedIds(
            self._connections,
            self._sql,
            self._key,
            store=self.url,
            was_counted=self._layout.was_complete,
        )
        if may_count and self._may(counted.start):
            return counted
        guard = self._sql.advisory_guard(f"{self._layout.database}.{self._key}", self._timeout)
        return GuessedIds(self._connections, self._sql, guard, store=self.url)

    def _may(self, use: Callable[[], object]) -> bool:
        """Return True if the account may use one of evergrant's own tables."""
        try:
            use()
        except StoreUnavailable as error:
            if error.retryable:
                raise
            return False
        return True

    def storage_id(self) -> Hashable:
        """Return what identifies this table, however its URL was spelled."""
        return "sql", *self._run(self._sql.storage_id())[0], self._table

    def storage_time(self) -> datetime:
        """Return the time by the server's clock."""
        return server_time(self._connections)

    def config_remarks(self) -> Iterator[str]:
        """Yield a sentence for each setting that costs time but endangers nothing."""
        if self._connections.is_pooled:
            yield from costs(self.url, listens=NotificationListener.can_use(self._connections))

    def close(self) -> None:
        """Close the connections; each later use raises."""
        self._connections.close()

    def save_token(self, token: Token, *, expected_version: int | None = None) -> Token:
        """Insert or update; see `TokenStore.save_token`. Return the token as it will be found."""
        saved = super().save_token(token, expected_version=expected_version)
        # Without the fields for which the table has no columns.
        return saved if self._layout.is_complete else decode(self._layout.as_stored(encode(saved)))

    def watch(self, id: str) -> Watch:  # noqa: A002 - as in the six methods
        """Return what waits for another caller's work on a token; see `TokenStore.watch`."""
        return self._listening.watch(self._key, str(id)) if self._listening else super().watch(id)

    def _with_retries(self, change: Callable[[], T]) -> T:
        return retry_on_contention(change)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        guard = self._numbers.guard
        with self._connections.transaction(guard, Values(key=self._key)) as answer:
            self._numbers.load_guard_result(answer.rows)
            yield

    def _run(self, statement: Statement, **values: str | int | None) -> list[tuple[Any, ...]]:
        return self._connections.run(statement, Values(values)).rows

    def _select(self, criterion: Criterion) -> list[Row]:
        columns = tuple(criterion)
        statement = self._sql.select(columns, lock=self._connections.in_transaction)
        rows = self._found(statement, criterion)
        return [row for row in rows if fits(row, criterion)]

    def _select_by_user(self, name: str) -> list[Row]:
        asked = Values(user_name=name, pattern=like_prefix(f"{name}:"))
        rows = self._found(self._sql.select_named, asked)
        return [row for row in rows if belongs_to(str(row.user_name), name)]

    def _found(self, statement: Statement, values: Parameters) -> list[Row]:
        """Return the rows that a statement finds: none for a value that no column can hold."""
        if any(self._layout.validation_error(column, value) for column, value in values.items()):
            return []
        try:
            return self._as_found(self._connections.run(statement, values).rows)
        except UnfitError:
            if self._connections.in_transaction:
                raise  # PostgreSQL cannot continue the transaction, and cannot save the value
            return []

    def _rows(self) -> Iterator[Row]:
        rows = self._run(self._sql.first_page, size=PAGE)
        while rows:
            found = self._as_found(rows)
            yield from found
            last = found[-1].id
            del rows, found  # the next page may fail, and a traceback print local variables
            rows = self._run(self._sql.next_page, size=PAGE, last=last)

    def _as_found(self, rows: list[tuple[Any, ...]]) -> list[Row]:
        if any(len(row) != len(COLUMNS) for row in rows):
            raise torn_error(self.url)
        found = map(Row, rows)
        return list(found if self._layout.has_versions else map(self._layout.as_stored, found))

    def _insert(self, row: Row) -> bool:
        if self._connections.add(self._sql.insert, self._layout.values(row)):
            return True
        if not self._select(Criterion(id=str(row.id))):
            raise StoreError(
                "the table takes the id for that of another row, such as one in capitals",
                token_id=str(row.id),
                hint="Choose another id, or leave it out to get one.",
            )
        return False

    def _update(self, row: Row, version: int) -> bool:
        values = self._layout.values(row)
        values |= {"old_id": row.id, "old_version": version}
        return self._changed_one(self._sql.update, values)

    def _changed_one(self, statement: Statement, values: Values) -> bool:
        changed = self._connections.run(statement, values).changed
        if changed not in (0, 1):
            raise torn_error(self.url)  # the transaction is rolled back
        return changed == 1

    def _delete(self, id_: str) -> bool:
        # Selected first, since it must match exactly; the row is locked from then on.
        found = self._select(Criterion(id=id_))
        if not found:
            return False
        # Another program may have given this id, and it must never be given again.
        self._numbers.reserve(numeric_id(id_))
        as_read = Values(old_id=id_)
        if self._layout.has_versions:
            as_read["old_version"] = found[0].version or 0
        if not self._changed_one(self._sql.delete, as_read):
            raise torn_error(self.url)
        return True

    def _delete_all(self) -> None:
        self._numbers.reserve_all()
        self._run(self._sql.delete_all)
        if self._leases:
            self._leases.remove_all()

    def _next_number(self) -> int:
        return self._numbers.next(lambda id_: bool(self._select(Criterion(id=id_))))

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        return self._leases is None or self._leases.acquire(id_, owner, ttl)

    def _release(self, id_: str, owner: str) -> None:
        if self._leases:
            self._leases.release(id_, owner)

    def _get_note(self, key: str) -> str:
        return self._notes.read(key)

    def _set_note(self, key: str, text: str, until: int) -> None:
        if self._read_only:
            raise read_only_error(self.url)
        self._notes.put(key, text, until)
