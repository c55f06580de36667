"""The contract on Amazon's storages, as an emulator plays them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.testing import StoreContract
from evergrant.testing.samples import Reopen


class TestDynamoDB(StoreContract):
    @pytest.fixture
    def store(self, dynamodb_url: str) -> Iterator[TokenStore]:
        with open_store(dynamodb_url) as store:
            yield store

    @pytest.fixture
    def reopen(self, dynamodb_url: str) -> Reopen:
        return lambda: open_store(dynamodb_url)


class TestSecretsManager(StoreContract):
    @pytest.fixture
    def store(self, secrets_url: str) -> Iterator[TokenStore]:
        with open_store(secrets_url) as store:
            yield store

    @pytest.fixture
    def reopen(self, secrets_url: str) -> Reopen:
        return lambda: open_store(secrets_url)

    # Its leases and notes are each process's own: what another handle has of them, it has alone.

    def test_another_handle_respects_the_lease(self, store: TokenStore, reopen: Reopen) -> None:
        with store.lease("1", 60) as mine, reopen() as other:
            assert mine
            assert other.lease("1", 60)
            assert not store.lease("1", 60)

    def test_extending_a_lease_is_seen_by_every_handle(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        with store.lease("1", 60) as mine:
            assert mine.extend()

    def test_another_handle_changes_the_same_note(self, store: TokenStore, reopen: Reopen) -> None:
        store.amend("k", lambda _: "mine", life=60)
        with reopen() as other:
            assert other.note("k") == ""
        assert store.note("k") == "mine"
