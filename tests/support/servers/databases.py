"""A fresh database for each test that asks for one, on the worker's own servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from secrets import token_hex
from typing import Any

import pytest

from tests.support.servers.redis_servers import DURABLE, Redis, Space
from tests.support.servers.server import program
from tests.support.servers.sql_servers import MariaDB, PostgreSQL

__all__ = [
    "MORTAL",
    "Database",
    "Mortal",
    "database",
    "fresh_database",
    "fresh_space",
    "mariadb",
    "mariadb_server",
    "mortal",
    "postgresql",
    "postgresql_server",
]

MORTAL = [
    # Together: whoever runs one of them has the server already.
    pytest.param(kind, marks=pytest.mark.xdist_group(f"mortal-{kind}"))
    for kind in ("mariadb", "postgresql", "redis")
]
"""The kinds of stores whose server a test may kill."""


class Database:
    """An empty database on one of the servers.

    Attributes:
        url: Where it is, for its administrator.
    """

    def __init__(self, server: MariaDB | PostgreSQL) -> None:
        self.server = server
        self.name = f"d{token_hex(8)}"
        self.url = server.url(self.name).render_as_string(hide_password=False)

    def execute(self, *statements: str) -> list[Any]:
        """Run statements as the administrator; return the rows of the last one."""
        return self.server.execute(*statements, database=self.name)

    def url_for(self, user: str, password: str) -> str:
        """Return where it is for another user."""
        return self.server.url(self.name, user, password).render_as_string(hide_password=False)


Mortal = MariaDB | PostgreSQL | Redis
"""A server that a test may kill."""


def mortal(kind: str) -> Mortal:
    """Start a server that has made sure of what it answers."""
    if kind == "redis":
        return Redis(*DURABLE)
    return (MariaDB if kind == "mariadb" else PostgreSQL)(durable=True)


@contextmanager
def fresh_database(server: MariaDB | PostgreSQL) -> Iterator[Database]:
    database = Database(server)
    server.execute(server.create.format(database.name))
    yield database
    server.execute(server.drop.format(database.name))


def fresh_space(server: Mortal) -> AbstractContextManager[Database | Space]:
    """Make room for a store that nobody has used."""
    return nullcontext(Space(server)) if isinstance(server, Redis) else fresh_database(server)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    program("mariadb-install-db")
    server = MariaDB()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    program("postgres")
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture
def mariadb(mariadb_server: MariaDB) -> Iterator[Database]:
    with fresh_database(mariadb_server) as database:
        yield database


@pytest.fixture
def postgresql(postgresql_server: PostgreSQL) -> Iterator[Database]:
    with fresh_database(postgresql_server) as database:
        yield database


@pytest.fixture(params=["mariadb", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Run the test on both."""
    found: Database = request.getfixturevalue(request.param)
    return found
