"""The tests that ``evergrant check-store`` runs: the contract, on the stores of a factory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from evergrant.stores.base import TokenStore
from evergrant.testing.contract import StoreContract
from evergrant.testing.sample_tokens import Reopen
from evergrant.testing.store_factory import StoreFactory

__all__ = ["TestStore"]


class TestStore(StoreContract):
    """The contract. Each check is a promise."""

    @pytest.fixture
    def folder(self, factory: StoreFactory, tmp_path: Path) -> Path | None:
        """Return the folder that the factory gets, or None."""
        return tmp_path if factory.takes_folder else None

    @pytest.fixture
    def store(self, factory: StoreFactory, tmp_path: Path) -> Iterator[TokenStore]:
        """Yield a store for one check."""
        with factory.fresh(tmp_path) as store:
            yield store

    @pytest.fixture
    def reopen(self, factory: StoreFactory, store: TokenStore, tmp_path: Path) -> Reopen:
        """Open the same folder again; without a folder, return the same handle."""
        if factory.takes_folder:
            return lambda: factory.open(tmp_path)
        return lambda: nullcontext(store)
