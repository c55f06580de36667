"""Two servers behind one address, of which one is the primary: what a fail-over is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from sqlalchemy import make_url

from evergrant.stores import open_store
from tests.support.servers.databases import fresh_database
from tests.support.servers.redis_servers import PASSWORD, Redis
from tests.support.servers.sql_servers import MariaDB, PostgreSQL
from tests.support.servers.switchable_address import Address, address
from tests.support.waiting import until

__all__ = ["Pair", "RedisPair", "SQLPair", "pair", "second_servers"]

ACCOUNT, ITS_PASSWORD = "app", "planted-app"


class Pair:
    """Two servers with the same tokens, of which one is the primary, behind one address.

    Attributes:
        url: The store, at the address.
        address: Leads to the first one, until it is told otherwise.
    """

    url: str
    address: Address

    def demote(self) -> None:
        """Let the first server take no changes any more; who is connected stays."""
        raise NotImplementedError

    def promote(self) -> None:
        """Let the first server take changes again."""
        raise NotImplementedError

    def switch(self) -> None:
        """Let the address lead to the second server, which has what the first one had."""
        raise NotImplementedError


class RedisPair(Pair):
    def __init__(self, stack: ExitStack) -> None:
        self.first, self.second = (stack.enter_context(closing(Redis())) for _ in range(2))
        self.address = stack.enter_context(address(self.first.port))
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.address.port}/0"

    def demote(self) -> None:
        with self.second.client() as second, self.first.client() as first:
            second.replicaof("127.0.0.1", self.first.port)
            until(lambda: second.info("replication")["master_link_status"] == "up")
            until(lambda: second.dbsize() == first.dbsize())
            second.replicaof("NO", "ONE")
            first.replicaof("127.0.0.1", 1)  # what it knew stays as it is
            first.config_set("replica-serve-stale-data", "yes")

    def promote(self) -> None:
        with self.first.client() as first:
            first.replicaof("NO", "ONE")

    def switch(self) -> None:
        self.address.leads_to = self.second.port


class SQLPair(Pair):
    """Two databases of one server, of which each is told whether it takes changes."""

    def __init__(
        self, stack: ExitStack, first: MariaDB | PostgreSQL, second: MariaDB | PostgreSQL
    ) -> None:
        self.first, self.second = first, second
        self.database = stack.enter_context(fresh_database(first))
        name = self.database.name
        second.execute(f"CREATE DATABASE {name}")
        stack.callback(second.execute, second.drop.format(name))
        self.address = stack.enter_context(address(first.port))
        url = make_url(self.database.url).set(port=self.address.port)
        if "mysql" in self.database.url:
            url = url.set(username=ACCOUNT, password=ITS_PASSWORD)
            for server in (first, second):
                server.execute(
                    f"CREATE OR REPLACE USER {ACCOUNT} IDENTIFIED BY '{ITS_PASSWORD}'",
                    f"GRANT ALL ON {name}.* TO {ACCOUNT}",
                )
        self.url = url.render_as_string(hide_password=False)
        stack.callback(self.promote)

    def demote(self) -> None:
        self._copy()
        if isinstance(self.first, MariaDB):
            self.first.execute("SET GLOBAL read_only = 1")
        else:
            self.first.execute(
                "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
            )
            until(lambda: self.first.execute("SHOW default_transaction_read_only") == [("on",)])

    def promote(self) -> None:
        if isinstance(self.first, MariaDB):
            self.first.execute("SET GLOBAL read_only = 0")
        else:
            self.first.execute(
                "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"
            )
            until(lambda: self.first.execute("SHOW default_transaction_read_only") == [("off",)])

    def switch(self) -> None:
        self.address.leads_to = self.second.port

    def _copy(self) -> None:
        new = self.second.url(self.database.name).render_as_string(hide_password=False)
        with (
            open_store(self.database.url) as before,
            open_store(new) as after,
            after._transaction(),
        ):
            assert all(after._insert(row) for row in before._rows())


@pytest.fixture(scope="module")
def second_servers() -> Iterator[Callable[[str], MariaDB | PostgreSQL]]:
    """Start a second server of a kind, once."""
    running: dict[str, MariaDB | PostgreSQL] = {}

    def start(kind: str) -> MariaDB | PostgreSQL:
        if kind not in running:
            running[kind] = MariaDB() if kind == "mariadb" else PostgreSQL()
        return running[kind]

    yield start
    for server in running.values():
        server.close()


@pytest.fixture(
    params=[
        pytest.param(kind, marks=pytest.mark.xdist_group(f"pair-{kind}"))
        for kind in ("redis", "mariadb", "postgresql")
    ]
)
def pair(
    request: pytest.FixtureRequest, second_servers: Callable[[str], MariaDB | PostgreSQL]
) -> Iterator[Pair]:
    with ExitStack() as stack:
        if request.param == "redis":
            yield RedisPair(stack)
        else:
            first = request.getfixturevalue(f"{request.param}_server")
            yield SQLPair(stack, first, second_servers(request.param))
