"""The contract on Amazon's storages, as an emulator plays them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing import StoreContract
from evergrant.testing.sample_tokens import Reopen
from tests.support.stores.rows_only_contract import OfOwnLeases


class TestDynamoDB(StoreContract):
    @pytest.fixture
    def store(self, dynamodb_url: str) -> Iterator[TokenStore]:
        with open_store(dynamodb_url) as store:
            yield store

    @pytest.fixture
    def reopen(self, dynamodb_url: str) -> Reopen:
        return lambda: open_store(dynamodb_url)


class TestSecretsManager(OfOwnLeases):
    @pytest.fixture
    def store(self, secrets_url: str) -> Iterator[TokenStore]:
        with open_store(secrets_url) as store:
            yield store

    @pytest.fixture
    def reopen(self, secrets_url: str) -> Reopen:
        return lambda: open_store(secrets_url)
