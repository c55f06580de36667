"""Makes SQLAlchemy's engine for a store: its driver, and the driver's settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, exc

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import ConfigError, MissingExtra
from evergrant.stores.sql.parameters import typed_parameters
from evergrant.stores.sql.poolers import is_pooled

__all__ = ["CONNECTIONS", "make_engine"]

_logger = RateLimitedLog()

CONNECTIONS = 5
"""Most connections that a process opens; a look-up uses one for less than a millisecond.

More would cost more than they gain: opening one takes as long as a hundred look-ups, and a server
has room for about a hundred of them, for all clients together.
"""

LIFETIME_S = 60
"""Seconds after which a connection is opened again. After a fail-over the address leads elsewhere,
and an open connection would keep showing the last state of the former primary."""

_EXTRAS = {"mysql": "mysql", "mariadb": "mysql", "postgresql": "postgres"}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "pymysql": {
        "connect_timeout": 10,
        "read_timeout": 60,
        "write_timeout": 60,
        "autocommit": None,  # the server's default: a setting would stay on the session
    },
    "psycopg": {
        "connect_timeout": 10,
        "tcp_user_timeout": 60_000,
        # A connection that only listens learns by these that the network has gone.
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "client_encoding": "utf8",
        # A prepared statement belongs to a session, which a pooler lends to the next client.
        "prepare_threshold": None,
    },
}
"""Settings of the drivers that the URL does not set; by default they would wait forever."""


def make_engine(url: URL, *, store: str) -> Engine:
    """Return an engine whose connections are in autocommit mode.

    Args:
        store: The store's URL, for messages.

    Raises:
        ConfigError: There is no such driver, it is asynchronous, or it does not take a parameter.
        MissingExtra: The driver is not installed.
    """
    url, given = typed_parameters(url, store)
    engine = _engine(url, store, given)
    if engine.dialect.driver == "psycopg":

        def connect(_dialect: object, _record: object, arguments: Any, named: Any) -> Any:
            from evergrant.stores.sql.read_timeout import ReadTimeoutConnection

            named["autocommit"] = True
            threshold = named.pop("prepare_threshold")
            connection = ReadTimeoutConnection.connect(*arguments, prepare_threshold=None, **named)
            if threshold is not None and is_pooled(connection):
                # Another client would get this client's named statements.
                _logger.warning("%s is behind a pooler: nothing is prepared there", store)
            else:
                connection.prepare_threshold = threshold
            return connection

        event.listen(engine, "do_connect", connect)
    elif engine.dialect.driver == "pymysql":
        event.listen(engine, "do_connect", _connect_in_time)
    return engine


def _connect_in_time(_dialect: object, _record: object, arguments: Any, named: Any) -> Any:
    from evergrant.stores.sql.mysql_deadline import DeadlineConnection

    return DeadlineConnection(*arguments, **named)


def _engine(url: URL, store: str, given: dict[str, Any]) -> Engine:
    driver = url.get_driver_name()
    defaults = {
        name: value for name, value in _DEFAULTS.get(driver, {}).items() if name not in url.query
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
            pool_recycle=LIFETIME_S,
            hide_parameters=True,
            connect_args=defaults | given,
            # Else it would be queried at the first connection, in a transaction.
            **({"use_native_hstore": False} if driver == "psycopg" else {}),
        )
    except exc.ArgumentError:  # SQLAlchemy has no such dialect or driver
        problem: Exception = ConfigError(f"there is no driver {driver} for {store}", hint=hint)
    except (ValueError, TypeError):  # such as a number of seconds that is no number
        problem = ConfigError(f"a parameter of {store} is malformed", hint="Check what follows ?.")
    except ModuleNotFoundError:
        problem = MissingExtra(f"{url.drivername}:", extra=_EXTRAS[url.get_backend_name()])
    else:
        if not engine.dialect.is_async:
            return engine
        problem = ConfigError(f"the driver {driver} is asynchronous", hint=hint)
    raise problem
