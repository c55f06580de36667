"""The contract suite on the stores that come with evergrant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evergrant.errors import StoreError
from evergrant.stores import open_store
from evergrant.stores.adapter import adapt
from evergrant.stores.base import TokenStore
from evergrant.testing import StoreContract
from evergrant.testing.sample_tokens import Reopen
from tests.support.servers.databases import Database
from tests.support.servers.poolers import Pooled
from tests.support.stores.six_methods import OfficialColumns, Plain
from tests.support.stores.sql_store import official_table


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[TokenStore]:
        with open_store("memory:") as store:
            yield store


class TestList(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[TokenStore]:
        with open_store("list:") as store:
            yield store


class TestSQLiteInMemory(StoreContract):
    @pytest.fixture
    def store(self) -> Iterator[TokenStore]:
        with open_store("sqlite:///:memory:") as store:
            yield store


class TestSQLiteFile(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[TokenStore]:
        with open_store(f"sqlite:///{tmp_path}/tokens.db") as store:
            yield store

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: open_store(f"sqlite:///{tmp_path}/tokens.db")

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path


class TestSixMethodsAdapted(StoreContract):
    @pytest.fixture
    def store(self) -> TokenStore:
        return adapt(Plain())


class TestOfficialColumnsAdapted(StoreContract):
    @pytest.fixture
    def store(self) -> TokenStore:
        return adapt(OfficialColumns())


class TestFile(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[TokenStore]:
        with open_store(f"file://{tmp_path}/tokens.csv") as store:
            yield store

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: open_store(f"file://{tmp_path}/tokens.csv")

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path


class TestMariaDB(StoreContract):
    @pytest.fixture
    def store(self, mariadb: Database) -> Iterator[TokenStore]:
        with open_store(mariadb.url) as store:
            yield store

    @pytest.fixture
    def reopen(self, mariadb: Database) -> Reopen:
        return lambda: open_store(mariadb.url)


class TestPostgreSQL(StoreContract):
    @pytest.fixture
    def store(self, postgresql: Database) -> Iterator[TokenStore]:
        with open_store(postgresql.url) as store:
            yield store

    @pytest.fixture
    def reopen(self, postgresql: Database) -> Reopen:
        return lambda: open_store(postgresql.url)


class TestPostgreSQLPooled(StoreContract):
    """Through a pooler that lends its two sessions for one transaction at a time."""

    @pytest.fixture
    def store(self, pgbouncer: Pooled) -> Iterator[TokenStore]:
        with open_store(pgbouncer.url) as store:
            yield store

    @pytest.fixture
    def reopen(self, pgbouncer: Pooled) -> Reopen:
        return lambda: open_store(pgbouncer.url)


class TestRedis(StoreContract):
    @pytest.fixture
    def store(self, redis_url: str) -> Iterator[TokenStore]:
        with open_store(redis_url) as store:
            yield store

    @pytest.fixture
    def reopen(self, redis_url: str) -> Reopen:
        return lambda: open_store(redis_url)


class TestOfficialTable(StoreContract):
    """The official SDK's own table, in the collation that most of them have."""

    @pytest.fixture
    def store(self, mariadb: Database) -> Iterator[TokenStore]:
        official_table(mariadb, end="COLLATE utf8mb4_general_ci")
        with open_store(mariadb.url) as store:
            yield store

    @pytest.fixture
    def reopen(self, mariadb: Database) -> Reopen:
        return lambda: open_store(mariadb.url)

    def test_given_ids_go_round_chosen_ones(self, store: TokenStore) -> None:
        """All but one: to this table "8 " is "8", which somebody else has by then."""
        with pytest.raises(StoreError, match="takes the id for that of another row"):
            super().test_given_ids_go_round_chosen_ones(store)
