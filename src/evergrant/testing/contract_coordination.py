"""Leases and watches: how processes that share a store coordinate long work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from evergrant.stores.base import TokenStore
from evergrant.testing.contract_sharing import take_expired_lease
from evergrant.testing.sample_tokens import ALICE, BOB, Reopen, refreshed

__all__ = ["CoordinationContract"]

LEASE_TTL_S = 0.2
"""The lifetime of a lease that is extended repeatedly."""

WATCH_TIMEOUT_S = 5.0
"""How long a watch waits if nothing wakes it."""

WAKE_LIMIT_S = 4.0
"""How soon a watch must wake if something happens, even on a busy machine."""


@contextmanager
def in_another_thread(work: Callable[[], object]) -> Iterator[None]:
    """Run work in another thread during the block."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def ways_to_finish(other: TokenStore, id_: str) -> list[Callable[[], object]]:
    """Return the ways in which the holder of the lease on Alice's token can finish."""
    lease = other.lease(id_, 60)
    return [lambda: other.save_token(refreshed(ALICE)), lease.release]


class CoordinationContract:
    """A lease lasts as long as its holder extends it, and those who wait learn when it ends."""

    def test_a_lease_lasts_for_as_long_as_it_is_extended(self, store: TokenStore) -> None:
        """Longer than its first lifetime; no other handle gets it in between."""
        id_ = str(store.save_token(ALICE).id)
        lease = store.lease(id_, LEASE_TTL_S)
        end = time.monotonic() + 2 * LEASE_TTL_S
        while (asked := time.monotonic()) < end:
            assert lease.extend()
            if store.lease(id_, 60):
                # Only a failure if the machine was not just too busy to extend in time.
                assert time.monotonic() - asked > LEASE_TTL_S / 2, "another got an extended lease"
                return
            time.sleep(LEASE_TTL_S / 20)
        lease.release()
        assert store.lease(id_, 60)

    def test_a_lease_that_another_has_taken_is_not_extended(self, store: TokenStore) -> None:
        """Its first holder learns that it was lost, and does not harm the next holder."""
        id_ = str(store.save_token(ALICE).id)
        late = store.lease(id_, 0.001)
        take_expired_lease(store, id_)
        assert not late.extend()
        assert not late.held
        late.release()
        assert not store.lease(id_, 60)

    def test_only_what_is_held_is_extended(self, store: TokenStore) -> None:
        """Not a lease that was refused, and not one that was released."""
        id_ = str(store.save_token(ALICE).id)
        first = store.lease(id_, 60)
        refused = store.lease(id_, 60)
        assert not refused.extend()
        assert first.extend()
        first.release()
        assert not first.extend()
        assert store.lease(id_, 60)

    def test_extending_a_lease_is_seen_by_every_handle(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """They do not get it."""
        id_ = str(store.save_token(ALICE).id)
        with reopen() as other, store.lease(id_, 60) as lease:
            assert lease.extend()
            assert not other.lease(id_, 60)

    def test_what_happens_after_a_watch_began_is_not_missed(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """Even before it waits: another handle's save, and the end of its lease."""
        id_ = str(store.save_token(ALICE).id)
        with reopen() as other:
            for happens in ways_to_finish(other, id_):
                with store.watch(id_) as watch:
                    happens()
                    since = time.monotonic()
                    watch.wait(WATCH_TIMEOUT_S)
                assert time.monotonic() - since < WAKE_LIMIT_S

    def test_a_watch_ends_soon_after_what_it_waits_for(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """While it waits, another handle saves, and releases its lease."""
        id_ = str(store.save_token(ALICE).id)
        with reopen() as other:
            for happens in ways_to_finish(other, id_):
                since = time.monotonic()
                with store.watch(id_) as watch, in_another_thread(happens):
                    watch.wait(WATCH_TIMEOUT_S)
                assert time.monotonic() - since < WAKE_LIMIT_S

    def test_a_watch_goes_on_after_it_was_woken(self, store: TokenStore) -> None:
        """It notices later changes after the first one."""
        id_ = str(store.save_token(ALICE).id)
        with store.watch(id_) as watch:
            for hour in range(1, 4):
                store.save_token(refreshed(ALICE, hour))
                since = time.monotonic()
                watch.wait(WATCH_TIMEOUT_S)
                assert time.monotonic() - since < WAKE_LIMIT_S

    def test_a_watch_waits_no_longer_than_it_is_told(self, store: TokenStore) -> None:
        """Nothing may happen: the holder of the lease may have died."""
        id_ = str(store.save_token(BOB).id)
        since = time.monotonic()
        with store.lease(id_, 60), store.watch(id_) as watch:
            watch.wait(0.01)
            watch.wait(0)
        assert time.monotonic() - since < WAKE_LIMIT_S
