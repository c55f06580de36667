"""Makes SQLAlchemy's engine for a store: its driver, and what each new connection is told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection

from evergrant.errors import ConfigError, MissingExtra

__all__ = ["CONNECTIONS", "make_engine"]

CONNECTIONS = 5
"""The most that a process opens to a store, where a look-up takes one for less than a millisecond.

More would cost more than they bring: to open one takes as long as a hundred look-ups, and a server
has room for about a hundred, of all its clients together.
"""

_EXTRAS = {"mysql": "mysql", "mariadb": "mysql", "postgresql": "postgres"}
_SESSION = {
    # The server's own settings may let it cut values short, or show a transaction an older state.
    "mysql": (
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'",
        "SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    ),
    "postgresql": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET lock_timeout = '{seconds}s'",
    ),
}
_READ_ONLY = {
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
}
_PATIENCE: dict[str, dict[str, Any]] = {
    "pymysql": {"connect_timeout": 10, "read_timeout": 60, "write_timeout": 60},
    "psycopg": {
        "connect_timeout": 10,
        "tcp_user_timeout": 60_000,
        # A connection that only listens learns by these that the network has gone.
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "client_encoding": "utf8",
    },
}
"""What the drivers are told unless the URL says otherwise: by themselves they wait for ever."""


def make_engine(url: URL, *, store: str, timeout: float, read_only: bool) -> Engine:
    """Return an engine whose connections are in autocommit mode.

    Args:
        store: The store's URL, for messages.
        timeout: How long to wait for another writer's lock, in seconds.
        read_only: Let the server refuse whatever would change it.

    Raises:
        ConfigError: There is no such driver, or it is asynchronous.
        MissingExtra: The driver is not installed.
    """
    engine = _engine(url, store)
    is_mysql = engine.dialect.name in ("mysql", "mariadb")
    family = "mysql" if is_mysql else "postgresql"
    statements = [text.format(seconds=max(1, round(timeout))) for text in _SESSION[family]]
    if read_only:
        statements.append(_READ_ONLY[family])

    def set_up(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()

    if engine.dialect.driver == "psycopg":
        event.listen(engine, "do_connect", _connect_patiently)
    # SQLAlchemy looks at some of a new connection's settings: on MySQL, ours come first.
    event.listen(engine, "connect", set_up, insert=is_mysql)
    return engine


def _connect_patiently(_dialect: object, _record: object, arguments: Any, named: Any) -> Any:
    from evergrant.stores.sql.patience import PatientConnection

    return PatientConnection.connect(*arguments, **named)


def _engine(url: URL, store: str) -> Engine:
    driver = url.get_driver_name()
    defaults = {
        name: value for name, value in _PATIENCE.get(driver, {}).items() if name not in url.query
    }
    hint = "Use mysql+pymysql: or postgresql+psycopg:."
    try:
        engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            pool_reset_on_return=None,
            pool_size=CONNECTIONS,
            max_overflow=0,
            hide_parameters=True,
            connect_args=defaults,
        )
    except exc.ArgumentError:  # SQLAlchemy has no such dialect or driver
        problem: Exception = ConfigError(f"there is no driver {driver} for {store}", hint=hint)
    except (ValueError, TypeError):  # such as a number of seconds that is none
        problem = ConfigError(f"a parameter of {store} is malformed", hint="Check what follows ?.")
    except ModuleNotFoundError:
        problem = MissingExtra(f"{url.drivername}:", extra=_EXTRAS[url.get_backend_name()])
    else:
        if not engine.dialect.is_async:
            return engine
        problem = ConfigError(f"the driver {driver} is asynchronous", hint=hint)
    raise problem
