"""A deleted token is distinguished from one that was never there, or was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from evergrant.stores.base import TokenStore
from evergrant.stores.versions import is_counted
from evergrant.testing.sample_tokens import ALICE, BOB, Reopen

__all__ = ["DeletionContract"]


DAY = timedelta(days=1)


class DeletionContract:
    """A grant that waits to be saved is discarded only if it was deleted."""

    def test_a_deletion_is_known_of_its_grant_only(self, store: TokenStore) -> None:
        """A later login under the same id is another grant, and is not discarded."""
        alice, bob = store.save_token(replace(ALICE, id="tenant")), store.save_token(BOB)
        assert not store.was_deleted(alice)
        store.delete_token("tenant")
        assert store.was_deleted(replace(alice, access_token="refreshed"))
        assert not store.was_deleted(bob)
        assert not store.was_deleted(replace(alice, refresh_token="of a later login"))

    def test_what_was_never_there_was_not_deleted(self, store: TokenStore) -> None:
        """This is how a storage looks that was lost and created again."""
        store.save_token(BOB)
        assert not store.was_deleted(replace(ALICE, id="4711", version=3))

    def test_deleting_all_is_known_of_each_grant(self, store: TokenStore) -> None:
        """Of each grant that existed; not of later logins."""
        alice = store.save_token(ALICE)
        store.delete_tokens()
        assert store.was_deleted(replace(alice, access_token="refreshed"))
        later = store.save_token(BOB)
        assert later.updated_at
        assert not store.was_deleted(replace(later, updated_at=later.updated_at.replace(year=9999)))

    def test_deleting_all_is_known_whatever_hosts_take_for_the_time(
        self, store: TokenStore
    ) -> None:
        """The clock of the host that saved may be a day ahead of the deleting host's."""
        alice = store.save_token(ALICE)
        assert alice.updated_at
        if not (store.counts_ids and is_counted(alice.version)):
            return  # its rows are identified by their save time only
        store.delete_tokens()
        assert store.was_deleted(replace(alice, updated_at=alice.updated_at + DAY))
        later = store.save_token(BOB)
        assert later.updated_at
        assert not store.was_deleted(replace(later, updated_at=later.updated_at - DAY))

    def test_another_handle_knows_of_a_deletion(self, store: TokenStore, reopen: Reopen) -> None:
        """In whichever process it was deleted."""
        alice = store.save_token(ALICE)
        with reopen() as other:
            other.delete_token(str(alice.id))
        assert store.was_deleted(alice)
