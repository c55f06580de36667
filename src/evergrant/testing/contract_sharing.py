"""Sharing a store: threads, leases, and other handles on the same storage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Event
from typing import TypeVar

import pytest

from evergrant.errors import Conflict, TokenNotFound
from evergrant.stores.base import TokenStore
from evergrant.stores.leases import Lease
from evergrant.testing.sample_tokens import (
    ALICE,
    BOB,
    NOON,
    Reopen,
    grant,
    refreshed,
    stored_contents,
)
from evergrant.token import Token

__all__ = ["SharingContract"]

THREADS = 8
EXPIRY_LIMIT_S = 2.0
"""How soon a lease of a millisecond must have expired."""

T = TypeVar("T")


def run_in_threads(job: Callable[[int], T], threads: int = THREADS) -> list[T]:
    """Run a job in several threads that start together; return what each returned."""
    start = Barrier(threads)

    def run(number: int) -> T:
        start.wait()
        return job(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def save_concurrently(store: TokenStore, rivals: list[Token]) -> list[Token]:
    """Save all at the same time, each if its version is current; return those that were saved."""

    def attempt(number: int) -> Token | None:
        try:
            return store.save_token(rivals[number], expected_version=rivals[number].version)
        except Conflict:
            return None

    return [token for token in run_in_threads(attempt, len(rivals)) if token]


def granted_values(token: Token | None) -> tuple[object, ...]:
    """Return the values that must be read together, or ()."""
    return () if token is None else (token.access_token, token.refresh_token, token.expires_at)


def take_expired_lease(store: TokenStore, id_: str) -> Lease:
    """Return a lease as soon as another handle's lease has expired."""
    give_up = time.monotonic() + EXPIRY_LIMIT_S
    while not (taken := store.lease(id_, 60)):
        assert time.monotonic() < give_up, "the lease does not run out"
        time.sleep(0.002)
    return taken


class SharingContract:
    """Sharing: concurrent writers lose nothing, and learn if another was faster."""

    def test_threads_that_save_different_users_lose_none(self, store: TokenStore) -> None:
        """Each token is there, under its own id."""

        def save(thread: int) -> list[Token]:
            names = [f"{thread}-{n}" for n in range(10)]
            return [store.save_token(grant(name), expected_version=0) for name in names]

        saved = {token.id: token for tokens in run_in_threads(save) for token in tokens}
        assert len(saved) == THREADS * 10
        assert stored_contents(store) == saved

    def test_threads_that_save_the_same_user_make_one_row(self, store: TokenStore) -> None:
        """The freshest stays, whichever came last, and every save counts."""
        hours = [1, 4, 2, 3, 8, 7, 5, 6, 12, 9, 11, 10]

        def save(thread: int) -> None:
            for hour in hours[thread::4]:
                store.save_token(refreshed(ALICE, hour))

        run_in_threads(save, 4)
        (token,) = store.get_tokens()
        assert token.expires_at == NOON + timedelta(hours=12)
        assert token.access_token == refreshed(ALICE, 12).access_token
        assert token.version == len(hours)

    def test_of_threads_that_expect_the_same_version_one_wins(self, store: TokenStore) -> None:
        """In every round, the row is the winner's."""
        current = store.save_token(ALICE)
        for version in range(2, 7):
            rivals = [replace(current, access_token=f"{version} {n}") for n in range(THREADS)]
            (current,) = save_concurrently(store, rivals)
            assert current.version == version
            assert store.get_tokens() == [current]

    def test_of_threads_that_log_the_same_user_in_one_wins(self, store: TokenStore) -> None:
        """If each expects that no row exists yet."""
        won = save_concurrently(store, [refreshed(ALICE, n) for n in range(THREADS)])
        assert len(won) == 1
        assert store.get_tokens() == won

    def test_a_reader_beside_a_writer_always_sees_a_whole_token(self, store: TokenStore) -> None:
        """Never nothing, and never a mixture of two saves."""
        versions = [refreshed(ALICE, n, refresh_token=f"r{n}") for n in range(1, 31)]
        seen = {granted_values(store.save_token(versions[0]))}
        done = Event()

        def work(thread: int) -> None:
            if thread > 0:
                while not done.is_set():
                    seen.add(granted_values(store.find_token(ALICE)))
                return
            try:
                for token in versions:
                    store.save_token(token)
            finally:
                done.set()

        run_in_threads(work, 4)
        assert seen <= {granted_values(token) for token in versions}

    def test_a_listing_survives_what_is_done_while_it_is_read(self, store: TokenStore) -> None:
        """A purge deletes what it has just read."""
        for n in range(30):
            store.save_token(grant(str(n)))
        for token in store.iter_tokens():
            store.delete_token(str(token.id))
        assert store.get_tokens() == []

    def test_a_listing_is_the_callers_own(self, store: TokenStore) -> None:
        """Changing it does not change the store."""
        saved = store.save_token(ALICE)
        store.get_tokens().clear()
        store.find_users("alice@example.com").clear()
        assert store.get_tokens() == list(store.iter_tokens()) == [saved]

    def test_a_lease_keeps_everybody_else_out(self, store: TokenStore) -> None:
        """For its token only."""
        alice, bob = (str(store.save_token(token).id) for token in (ALICE, BOB))
        with store.lease(alice, 60) as lease:
            assert lease
            assert lease.held
            assert not store.lease(alice, 60)
            with store.lease(bob, 60) as other:
                assert other
        with store.lease(alice, 60) as again:
            assert again

    def test_of_threads_that_ask_for_a_lease_one_gets_it(self, store: TokenStore) -> None:
        """That is what it is for."""
        id_ = str(store.save_token(ALICE).id)
        leases = run_in_threads(lambda _: store.lease(id_, 60))
        assert sum(map(bool, leases)) == 1

    def test_a_lease_is_released_by_its_holder_only(self, store: TokenStore) -> None:
        """A handle without it cannot end it, and a second release does not end another's."""
        id_ = str(store.save_token(ALICE).id)
        first = store.lease(id_, 60)
        loser = store.lease(id_, 60)
        loser.release()
        assert not store.lease(id_, 60)
        first.release()
        assert not first
        second = store.lease(id_, 60)
        assert second
        first.release()
        assert not store.lease(id_, 60)
        second.release()

    def test_a_lease_runs_out(self, store: TokenStore) -> None:
        """Its holder may have died. What is left of it does not harm the next holder."""
        id_ = str(store.save_token(ALICE).id)
        late = store.lease(id_, 0.001)
        assert late
        taken = take_expired_lease(store, id_)
        late.release()
        assert not store.lease(id_, 60)
        taken.release()

    def test_what_one_handle_saves_every_other_finds(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """At once, and after the handle that saved it is closed."""
        saved = store.save_token(ALICE)
        with reopen() as other:
            assert other.find_token(ALICE) == saved
            new = other.save_token(refreshed(saved, refresh_token="new"))
            assert store.find_token(ALICE) == new
            bob = other.save_token(BOB)
        assert store.find_token(BOB) == bob
        with reopen() as third:
            assert stored_contents(third) == {new.id: new, bob.id: bob}
            third.delete_token(str(bob.id))
            assert store.get_tokens() == [new]
            third.delete_tokens()
        assert store.get_tokens() == []

    def test_ids_are_not_used_again_by_another_handle(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """Not even when the store was emptied and closed in between."""
        used = {store.save_token(ALICE).id}
        for who in ("bob", "carol"):
            with reopen() as other:
                other.delete_tokens()
            with reopen() as other:
                fresh = other.save_token(grant(who))
            assert fresh.id not in used
            used.add(fresh.id)

    def test_another_handles_save_is_noticed(self, store: TokenStore, reopen: Reopen) -> None:
        """By a writer that still expects the version before it."""
        read = store.save_token(ALICE)
        with reopen() as other:
            current = other.save_token(replace(read, access_token="other"), expected_version=1)
        with pytest.raises(Conflict):
            store.save_token(replace(read, access_token="late"), expected_version=1)
        assert store.get_tokens() == [current]

    def test_an_old_copy_does_not_touch_what_another_handle_made_anew(
        self, store: TokenStore, reopen: Reopen
    ) -> None:
        """The user logged out and in elsewhere while the token was refreshed here."""
        read = store.save_token(replace(ALICE, id="tenant-8"))
        with reopen() as other:
            other.delete_token("tenant-8")
            login = other.save_token(
                replace(ALICE, id="tenant-8", refresh_token="planted-new-login")
            )
        late = replace(read, access_token="planted-late", updated_at=login.updated_at)
        with pytest.raises(Conflict):
            store.save_token(late, expected_version=read.version)
        with pytest.raises(TokenNotFound):
            store.delete_token("tenant-8", expected_version=read.version)
        assert store.get_tokens() == [login]

    def test_another_handle_respects_the_lease(self, store: TokenStore, reopen: Reopen) -> None:
        """In both directions."""
        id_ = str(store.save_token(ALICE).id)
        with reopen() as other:
            with store.lease(id_, 60) as mine:
                assert mine
                assert not other.lease(id_, 60)
            with other.lease(id_, 60) as theirs:
                assert theirs
                assert not store.lease(id_, 60)

    def test_a_half_read_listing_stops_nobody(self, store: TokenStore, reopen: Reopen) -> None:
        """Other handles save meanwhile."""
        store.save_token(ALICE)
        store.save_token(BOB)
        listing = store.iter_tokens()
        next(listing)
        with reopen() as other:
            other.save_token(grant("carol"))
            other.save_token(refreshed(ALICE))
        assert all(isinstance(token, Token) for token in listing)
        assert len(store.get_tokens()) == 3

    def test_every_change_is_a_new_generation(self, store: TokenStore, reopen: Reopen) -> None:
        """By any handle. Reading changes nothing, if the store can tell."""
        if store.change_counter() is None:
            return
        seen = {store.change_counter()}

        def check(handles: Iterable[TokenStore]) -> None:
            for handle in handles:
                current = store.change_counter()
                handle.find_token(ALICE)
                handle.get_tokens()
                assert store.change_counter() == current
            assert current not in seen
            seen.add(current)

        saved = store.save_token(ALICE)
        check([store])
        with reopen() as other:
            other.save_token(BOB)
            check([store, other])
            other.save_token(refreshed(saved))
            check([store, other])
            other.delete_token(str(saved.id))
            check([store, other])
            other.delete_tokens()
            check([store, other])
