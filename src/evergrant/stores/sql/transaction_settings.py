"""The store's settings for the server, made within each transaction and statement.

Behind a pooler or proxy, another client may have the session at the next statement. Settings of
the session would then apply to that client, and not to us.
"""

from __future__ import annotations

from sqlalchemy import Dialect

from evergrant.stores.sql.statements import Statement

__all__ = ["TransactionSettings"]

_OF_A_LOOK_UP = ("lock_wait_timeout = {}",)
_OF_A_CHANGE = (
    *_OF_A_LOOK_UP,
    "innodb_lock_wait_timeout = {}",
    # The server's own mode may let it cut values short.
    "sql_mode = 'STRICT_ALL_TABLES'",
)


class TransactionSettings:
    """How long to wait for locks, whether changes are allowed, and that no value is cut short.

    On MySQL and MariaDB, transactions run at the server's own isolation level. All values that
    matter there are read with a lock, and a locking read gets the latest row at every level.

    Args:
        timeout: Seconds to wait for another writer's lock.
        read_only: Let the server refuse every change.

    Attributes:
        begin: Begins a transaction, in one round trip.
    """

    def __init__(self, dialect: Dialect, *, timeout: float, read_only: bool) -> None:
        self._dialect = dialect
        self._is_mysql = dialect.name in ("mysql", "mariadb")
        self._seconds = max(1, round(timeout))
        self._limited: dict[str, Statement] = {}
        only = " READ ONLY" if read_only else ""
        if self._is_mysql:
            self.begin = Statement(f"START TRANSACTION{only}", None)
        else:
            self.begin = Statement(
                f"BEGIN ISOLATION LEVEL READ COMMITTED{only}; "
                f"SET LOCAL lock_timeout = '{self._seconds}s'",
                None,
                # Two statements at once cannot be prepared.
                {"prepare": False} if dialect.driver == "psycopg" else {},
            )

    def of(self, statement: Statement) -> Statement:
        """Return a statement with its limits added, on MySQL and MariaDB.

        On PostgreSQL, the transaction has the limits. A statement outside of one is cancelled by
        the connection; see `ReadTimeoutConnection`.
        """
        if not self._is_mysql:
            return statement
        known = self._limited.get(statement.text)
        if known is None:
            known = self._limited[statement.text] = statement._replace(
                text=self._with_limits(statement.text)
            )
        return known

    def _with_limits(self, text: str) -> str:
        verb, _, rest = text.partition(" ")
        if verb not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            return text
        plain = verb == "SELECT" and not rest.endswith("FOR UPDATE")
        limits = [f.format(self._seconds) for f in (_OF_A_LOOK_UP if plain else _OF_A_CHANGE)]
        if getattr(self._dialect, "is_mariadb", False):
            return f"SET STATEMENT {', '.join(limits)} FOR {text}"
        hints = " ".join(f"SET_VAR({limit})" for limit in limits)
        return f"{verb} /*+ {hints} */ {rest}"
