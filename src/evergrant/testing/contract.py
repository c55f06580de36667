"""`StoreContract`: what every token store promises, as a suite of tests."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from evergrant.stores.base import TokenStore
from evergrant.testing.contract_coordination import CoordinationContract
from evergrant.testing.contract_deletions import DeletionContract
from evergrant.testing.contract_files import FilesContract
from evergrant.testing.contract_find import FindContract
from evergrant.testing.contract_fresh import FreshnessContract
from evergrant.testing.contract_notes import NotesContract
from evergrant.testing.contract_rows import RowContract
from evergrant.testing.contract_save import SaveContract
from evergrant.testing.contract_sharing import SharingContract
from evergrant.testing.contract_values import ValueContract
from evergrant.testing.sample_tokens import Reopen

__all__ = ["StoreContract"]


class StoreContract(
    FindContract,
    SaveContract,
    FreshnessContract,
    RowContract,
    ValueContract,
    SharingContract,
    CoordinationContract,
    NotesContract,
    DeletionContract,
    FilesContract,
):
    """Run it on a store of your own: derive a class that has a fixture ``store``.

        class TestMyStore(StoreContract):
            @pytest.fixture
            def store(self, tmp_path):
                with MyStore(tmp_path) as store:
                    yield store

    Each test gets a store that is open and empty. Its clock must run: leases run out by it.

    Override the fixture ``reopen`` too if your store's tokens outlive it. Otherwise, what is
    promised about several handles, processes and a new start is checked with one handle only.
    Override the fixture ``folder`` as well if your store keeps files: it is killed while it writes
    them, by several processes at a time, and no other account may be able to read them.
    """

    @pytest.fixture
    def folder(self) -> Path | None:
        """Return the folder in which the store keeps its files; or None if it has no files."""
        return None

    @pytest.fixture
    def reopen(self, store: TokenStore) -> Reopen:
        """Return a function that opens the same storage again; the tests close what it returns.

        This one returns the same handle: right for a store that no other handle can see.
        """
        return lambda: nullcontext(store)
