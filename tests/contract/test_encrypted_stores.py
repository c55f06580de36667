"""The contract suite on stores whose rows are sealed."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from evergrant._crypto.keys import Key, Keyring
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.encrypted import EncryptedStore
from evergrant.stores.memory import MemoryStore
from evergrant.testing import StoreContract
from evergrant.testing.sample_tokens import Reopen
from evergrant.token import Secret
from tests.support.servers.databases import Database

KEYS = Keyring([Key(Secret(b64encode(os.urandom(32)).decode())) for _ in range(2)])


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> TokenStore:
        return EncryptedStore(MemoryStore(), KEYS)


class TestSQLite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[TokenStore]:
        with open_store(f"sqlite:///{tmp_path}/tokens.db", keys=KEYS) as store:
            yield store

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: open_store(f"sqlite:///{tmp_path}/tokens.db", keys=KEYS)


class TestFile(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[TokenStore]:
        with open_store(f"file://{tmp_path}/tokens.csv", keys=KEYS) as store:
            yield store

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: open_store(f"file://{tmp_path}/tokens.csv", keys=KEYS)


class TestMariaDB(StoreContract):
    @pytest.fixture
    def store(self, mariadb: Database) -> Iterator[TokenStore]:
        with open_store(mariadb.url, keys=KEYS) as store:
            yield store

    @pytest.fixture
    def reopen(self, mariadb: Database) -> Reopen:
        return lambda: open_store(mariadb.url, keys=KEYS)


class TestPostgreSQL(StoreContract):
    @pytest.fixture
    def store(self, postgresql: Database) -> Iterator[TokenStore]:
        with open_store(postgresql.url, keys=KEYS) as store:
            yield store

    @pytest.fixture
    def reopen(self, postgresql: Database) -> Reopen:
        return lambda: open_store(postgresql.url, keys=KEYS)


class TestRedis(StoreContract):
    @pytest.fixture
    def store(self, redis_url: str) -> Iterator[TokenStore]:
        with open_store(redis_url, keys=KEYS) as store:
            yield store

    @pytest.fixture
    def reopen(self, redis_url: str) -> Reopen:
        return lambda: open_store(redis_url, keys=KEYS)
