"""Scenes for `stepping` that every store must come through, wherever one act is stopped."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from evergrant.errors import Conflict
from evergrant.sandbox import SandboxClock
from evergrant.stores.base import TokenStore
from evergrant.stores.leases import Lease
from evergrant.testing.sample_tokens import ALICE
from tests.support.concurrency.acts import Count, equal
from tests.support.concurrency.stepping import Scene

__all__ = ["amendments", "extension_and_takeover", "leases", "release_and_takeover", "saves"]


def saves(store: TokenStore, other: TokenStore | None = None) -> Scene:
    """Two who have read the same row save: one is told that the other was faster."""
    read = store.save_token(ALICE)
    lost = Count()

    def save(by: TokenStore) -> None:
        try:
            by.save_token(replace(read, api_domain="https://new"), expected_version=read.version)
        except Conflict:
            lost()

    return Scene(
        partial(save, store),
        partial(save, other or store),
        lambda: equal((lost.calls, 1), (len(store.get_tokens()), 1)),
    )


def amendments(store: TokenStore, other: TokenStore | None = None) -> Scene:
    """Two count in the same note."""
    before = int(store.get_note("count") or 0)

    def count(by: TokenStore) -> None:
        by.update_note("count", lambda text: str(int(text or 0) + 1), life=60)

    return Scene(
        partial(count, store),
        partial(count, other or store),
        lambda: equal((int(store.get_note("count")), before + 2)),
    )


def leases(store: TokenStore, other: TokenStore | None = None) -> Scene:
    """Two ask for the same lease: one gets it."""
    asked: list[Lease] = []

    def ask(by: TokenStore) -> None:
        asked.append(by.lease("1", 60))

    def check() -> None:
        equal((sorted(lease.held for lease in asked), [False, True]))
        for lease in asked:
            lease.release()

    return Scene(partial(ask, store), partial(ask, other or store), check)


def release_and_takeover(
    store: TokenStore, clock: SandboxClock, other: TokenStore | None = None
) -> Scene:
    """A lease that ran out is given back, and taken over in that moment: it is the new holder's."""
    other = other or store
    mine, taken = store.lease("1", 10), list[Lease]()
    clock.advance(seconds=11)

    def check() -> None:
        [theirs] = taken
        equal((bool(theirs), True), (bool(store.lease("1", 10)), False))
        theirs.release()

    return Scene(mine.release, lambda: taken.append(other.lease("1", 10)), check)


def extension_and_takeover(
    store: TokenStore, clock: SandboxClock, other: TokenStore | None = None
) -> Scene:
    """A lease that ran out is extended, and taken over in that moment: one of them has it."""
    other = other or store
    mine, taken = store.lease("1", 10), list[Lease]()
    clock.advance(seconds=11)

    def check() -> None:
        [theirs] = taken
        equal((bool(theirs), not mine))
        mine.release()
        theirs.release()

    return Scene(mine.extend, lambda: taken.append(other.lease("1", 10)), check)
