"""What ``evergrant check-store`` has pytest run: the contract, on what a factory makes."""

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
    """The contract; its checks are the promises."""

    @pytest.fixture
    def folder(self, factory: StoreFactory, tmp_path: Path) -> Path | None:
        """Return the folder that the factory is told to use."""
        return tmp_path if factory.takes_folder else None

    @pytest.fixture
    def store(self, factory: StoreFactory, tmp_path: Path) -> Iterator[TokenStore]:
        """Make a store for one check."""
        with factory.fresh(tmp_path) as store:
            yield store

    @pytest.fixture
    def reopen(self, factory: StoreFactory, store: TokenStore, tmp_path: Path) -> Reopen:
        """Open the same folder once more; without one, there is the one handle."""
        if factory.takes_folder:
            return lambda: factory.open(tmp_path)
        return lambda: nullcontext(store)
