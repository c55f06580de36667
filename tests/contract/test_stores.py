"""The contract suite on the stores that come with evergrant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evergrant.stores import open_store
from evergrant.stores.adapter import adapt
from evergrant.stores.base import TokenStore
from evergrant.testing import StoreContract
from evergrant.testing.samples import Reopen
from six_methods import OfficialColumns, Plain


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
