"""The contract suite on encrypted stores of Amazon's: for a soak, since the emulator is slow.

Each test run plays `test_model.py` on them.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator

import pytest

from evergrant._crypto.keys import Key, Keyring
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing import StoreContract
from evergrant.testing.sample_tokens import Reopen
from evergrant.token import Secret
from tests.support.stores.rows_only_contract import OfOwnLeases

KEYS = Keyring([Key(Secret(b64encode(os.urandom(32)).decode())) for _ in range(2)])


class TestDynamoDB(StoreContract):
    @pytest.fixture
    def store(self, dynamodb_url: str) -> Iterator[TokenStore]:
        with open_store(dynamodb_url, keys=KEYS) as store:
            yield store

    @pytest.fixture
    def reopen(self, dynamodb_url: str) -> Reopen:
        return lambda: open_store(dynamodb_url, keys=KEYS)


class TestSecretsManager(OfOwnLeases):
    @pytest.fixture
    def store(self, secrets_url: str) -> Iterator[TokenStore]:
        with open_store(secrets_url, keys=KEYS) as store:
            yield store

    @pytest.fixture
    def reopen(self, secrets_url: str) -> Reopen:
        return lambda: open_store(secrets_url, keys=KEYS)
