"""Real PgBouncers before the tests' PostgreSQL, on free ports, with fewer sessions than clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import exc

from tests.support.servers.databases import Database
from tests.support.servers.server import program
from tests.support.servers.sql_servers import ADMIN_PASSWORD, PostgreSQL, SQLServer

__all__ = ["SESSIONS", "PgBouncer", "Pooled", "pgbouncer", "pgbouncer_servers"]

SESSIONS = 2
"""Of each database, which all of its clients share."""


class PgBouncer(SQLServer):
    """A pooler.

    Args:
        server: What it leads to.
        mode: How it pools: by ``transaction``, ``session`` or ``statement``.
        settings: What else stands in its configuration.
    """

    driver = "postgresql+psycopg"
    admin = "postgres"
    home_database = "postgres"

    def __init__(self, server: PostgreSQL, mode: str = "transaction", *settings: str) -> None:
        self.behind = server
        self._settings = (f"pool_mode = {mode}", *settings)
        super().__init__()

    def _install(self) -> None:
        users = self.folder / "users"
        users.write_text(f'"{self.admin}" "{ADMIN_PASSWORD}"\n')
        ini = self.folder / "pgbouncer.ini"
        settings = [
            "[databases]",
            f"* = host=127.0.0.1 port={self.behind.port}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = scram-sha-256",
            f"auth_file = {users}",
            f"default_pool_size = {SESSIONS}",
            "max_client_conn = 500",
            "server_login_retry = 0.1",
            *self._settings,
        ]
        ini.write_text("\n".join(settings) + "\n")
        for file in (users, ini):
            self._hand_over(file)

    def execute(self, *statements: str, database: str | None = None) -> list[Any]:
        """Run statements, each by itself; return the rows of the last one."""
        url = self.url(database).set(drivername="postgresql")
        try:
            with closing(
                psycopg.connect(
                    url.render_as_string(hide_password=False),
                    autocommit=True,
                    prepare_threshold=None,
                )
            ) as connection:
                return [connection.execute(statement).fetchall() for statement in statements][-1]
        except psycopg.OperationalError as error:
            raise exc.OperationalError("", {}, error) from None

    def _command(self) -> list[str]:
        return [program("pgbouncer"), str(self.folder / "pgbouncer.ini")]


class Pooled(Database):
    """An empty database as it is reached through a pooler.

    Attributes:
        direct: The same database without it.
    """

    def __init__(self, pooler: PgBouncer, direct: Database) -> None:
        self.server = direct.server
        self.pooler = pooler
        self.direct = direct
        self.name = direct.name
        self.url = pooler.url(self.name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def pgbouncer_servers(postgresql_server: PostgreSQL) -> Iterator[Callable[..., PgBouncer]]:
    """Start poolers, each kind once."""
    running: dict[tuple[str, ...], PgBouncer] = {}

    def start(mode: str = "transaction", *settings: str) -> PgBouncer:
        kind = (mode, *settings)
        if kind not in running:
            running[kind] = PgBouncer(postgresql_server, mode, *settings)
        return running[kind]

    yield start
    for server in running.values():
        server.close()


@pytest.fixture
def pgbouncer(pgbouncer_servers: Callable[..., PgBouncer], postgresql: Database) -> Pooled:
    """Give a database behind a pooler that pools by transaction."""
    return Pooled(pgbouncer_servers(), postgresql)
