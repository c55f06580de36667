"""The contract as a storage keeps it that shares rows, and no leases or notes."""

from __future__ import annotations

from evergrant.stores.base import TokenStore
from evergrant.testing import StoreContract
from evergrant.testing.sample_tokens import Reopen

__all__ = ["OfOwnLeases"]


class OfOwnLeases(StoreContract):
    """What another handle has of leases and notes, it has alone."""

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
        store.update_note("k", lambda _: "mine", life=60)
        with reopen() as other:
            assert other.get_note("k") == ""
        assert store.get_note("k") == "mine"
