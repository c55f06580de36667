"""The SQL of a SQL store: SQLAlchemy expressions, compiled once for the driver."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Insert,
    Table,
    bindparam,
    cast,
    collate,
    delete,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import ClauseElement

from evergrant._masking import Masked
from evergrant.stores.rows import COLUMNS, ID_DIGITS

__all__ = [
    "Guard",
    "Parameters",
    "Statement",
    "Statements",
    "Values",
    "compile_statement",
    "insert_unless_taken",
    "like_prefix",
    "lower_case",
]


class Values(Masked, dict[str, str | int | None]):
    """Parameters of a statement, masked because a traceback may print local variables."""

    def __repr__(self) -> str:
        return f"Values({', '.join(self)})"


Parameters = Mapping[str, str | int | None]


class Statement(NamedTuple):
    """A statement for the driver.

    Attributes:
        order: The names of its parameters, for a driver that takes them by position.
        options: Further arguments for the driver.
    """

    text: str
    order: tuple[str, ...] | None
    options: Mapping[str, bool] = MappingProxyType({})

    @property
    def changes(self) -> bool:
        """Whether a read-only server would refuse the statement."""
        return any(verb in self.text for verb in ("INSERT INTO", "UPDATE ", "DELETE FROM"))

    def bound(self, values: Parameters | None) -> Any:
        """Return values in the form that the driver takes."""
        if self.order is None or values is None:
            return values
        return tuple(values[name] for name in self.order)


class Guard(NamedTuple):
    """Statements that keep other writers out of a transaction.

    Attributes:
        enter: Run at the beginning of the transaction; waits for other writers.
        leave: Run just before the end, if the end itself does not release the lock. After the
            end, a proxy may have given us another session, and the lock would never be released.
            A writer that enters between the two waits for the rows that we have locked.
    """

    enter: Statement
    leave: Statement | None = None


def like_prefix(prefix: str) -> str:
    """Return the LIKE pattern, escaped by a slash, for texts that begin with ``prefix``."""
    for special in "/%_":
        prefix = prefix.replace(special, f"/{special}")
    return f"{prefix}%"


def compile_statement(
    expression: ClauseElement, dialect: Dialect, columns: list[str] | None = None
) -> Statement:
    """Return an expression as a statement for the driver.

    Args:
        columns: The columns that an INSERT or UPDATE sets, each to the value of the same name.
    """
    done: Any = expression.compile(dialect=dialect, column_keys=columns)
    return Statement(str(done), tuple(done.positiontup) if done.positional else None)


def insert_unless_taken(table: Table, dialect: Dialect) -> Insert:
    """Return the expression that adds a row; on PostgreSQL it does nothing if the key is taken.

    There, an error would end the transaction. MySQL has no such statement, but can go on.
    """
    if dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return insert(table)


def lower_case(text: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """Return a text in lower case, as an index of PostgreSQL has it."""
    # Not by the rules of a language, since Turkish has another lower-case letter for I.
    exactly = collate(text, "C") if dialect.name == "postgresql" else text
    return func.lower(exactly)


class Statements:
    """The statements on one table of tokens and on its id counter.

    Text is looked up as the database compares it, since its indexes do. That may also find similar
    texts (other case, accents, or trailing spaces), but misses nothing.

    Args:
        tokens: The table of tokens, with those columns that it has, by their official names.
        counters: The table of counters.
        ignores_case: Whether the database itself compares user names without case.
    """

    def __init__(
        self, dialect: Dialect, tokens: Table, counters: Table, *, ignores_case: bool
    ) -> None:
        self._dialect = dialect
        self._tokens = tokens
        self._ignores_case = ignores_case
        columns: dict[str, ColumnElement[Any]] = dict(tokens.c.items())
        self._selected = [columns.get(name, null()).label(name) for name in COLUMNS]
        self._selects: dict[tuple[tuple[str, ...], bool], Statement] = {}
        id_ = columns["id"]
        name, named = self._name(columns["user_name"]), self._name(bindparam("user_name"))
        pattern = self._name(bindparam("pattern"))
        page = select(*self._selected).order_by(id_).limit(bindparam("size", type_=BigInteger))
        self.first_page = self._compiled(page)
        self.next_page = self._compiled(page.where(id_ > bindparam("last")))
        self.select_named = self._compiled(
            select(*self._selected).where(or_(name == named, name.like(pattern, escape="/")))
        )
        # Only ids that a generated one could equal.
        self.select_largest = self._compiled(
            select(func.max(cast(id_, BigInteger))).where(
                id_.regexp_match(literal_column(f"'^[0-9]{{1,{ID_DIGITS}}}$'"))
            )
        )
        self.insert = self._compiled(insert_unless_taken(tokens, self._dialect), list(columns))
        # Exactly one row, as it was read: no other row is ever changed or deleted.
        as_read = [id_ == bindparam("old_id")]
        if "version" in columns:
            version = func.coalesce(columns["version"], literal_column("0"))
            as_read.append(version == bindparam("old_version", type_=BigInteger))
        changed = update(tokens).where(*as_read)
        self.update = self._compiled(changed, [name for name in columns if name != "id"])
        self.delete = self._compiled(delete(tokens).where(*as_read))
        self.delete_all = self._compiled(delete(tokens))
        self._count(counters)

    def _name(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        return text if self._ignores_case else lower_case(text, self._dialect)

    def _count(self, counters: Table) -> None:
        of_table = counters.c.token_table == bindparam("key")
        count = select(counters.c.last).where(of_table)
        self.counter_guard = Guard(self._compiled(count.with_for_update()))
        self.set_count = self._compiled(
            update(counters).where(of_table).values(last=bindparam("number"))
        )
        start: dict[str, Any] = {"token_table": bindparam("key"), "last": bindparam("number")}
        self.start_count = self._compiled(
            insert_unless_taken(counters, self._dialect).values(start)
        )

    def select(self, columns: tuple[str, ...], *, lock: bool) -> Statement:
        """Return the statement that looks up rows by these columns.

        Args:
            lock: Keep other writers from changing the rows until the transaction ends.
        """
        known = self._selects.get((columns, lock))
        if known is None:
            wanted = [
                self._name(self._tokens.c[column]) == self._name(bindparam(column))
                if column == "user_name"
                else self._tokens.c[column] == bindparam(column)
                for column in columns
            ]
            query = select(*self._selected).where(*wanted)
            known = self._compiled(query.with_for_update() if lock else query)
            self._selects[columns, lock] = known
        return known

    def storage_id(self) -> Statement:
        """Return the statement that identifies this database, however it is reached."""
        if self._dialect.name == "postgresql":
            return Statement(
                "SELECT system_identifier, current_database(), current_schema() "
                "FROM pg_control_system()",
                (),
            )
        return Statement("SELECT @@hostname, @@port, @@datadir, DATABASE()", ())

    def advisory_guard(self, name: str, timeout: float) -> Guard:
        """Return a guard that needs no table, and so no rights.

        Args:
            name: Names what is guarded; on MySQL, such locks apply to the whole server.
            timeout: Seconds to wait.
        """
        digest = hashlib.sha256(name.encode()).hexdigest()[:15]
        if self._dialect.name == "postgresql":
            return Guard(Statement(f"SELECT pg_advisory_xact_lock({int(digest, 16)})", ()))
        lock = f"'evergrant {digest}'"
        return Guard(
            Statement(f"SELECT GET_LOCK({lock}, {timeout:.0f})", ()),
            Statement(f"DO RELEASE_LOCK({lock})", ()),
        )

    def _compiled(self, expression: ClauseElement, columns: list[str] | None = None) -> Statement:
        return compile_statement(expression, self._dialect, columns)
