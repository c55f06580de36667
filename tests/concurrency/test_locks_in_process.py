"""What each lock of the stores in memory guards: one thread stops at every step, another acts."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from evergrant.sandbox import SandboxClock
from evergrant.stores import (
    base,
    in_process,
    leases,
    memory,
    row_index,
)
from evergrant.stores import list as in_a_list
from evergrant.stores.adapter import adaptation, six_methods
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.stores.aws.secretsmanager import SecretsManagerStore
from evergrant.stores.base import TokenStore
from evergrant.stores.leases import Lease
from evergrant.stores.list import ListStore
from evergrant.stores.memory import MemoryStore
from evergrant.testing.sample_tokens import ALICE, grant
from evergrant.token import Token
from tests.support.concurrency import lock_scenes
from tests.support.concurrency.acts import Count, equal
from tests.support.concurrency.stepping import Scene, step_through
from tests.support.stores import six_methods as plain


@pytest.mark.parametrize(
    ("make", "modules"),
    [
        (MemoryStore, (base, memory)),
        (ListStore, (base, in_a_list)),
        (lambda: SixMethodStore(plain.Plain()), (plain,)),
    ],
    ids=["memory", "list", "six methods"],
)
def test_of_two_who_save_the_same_row_one_loses(
    make: Callable[[], TokenStore], modules: tuple[ModuleType, ...]
) -> None:
    step_through(lambda: lock_scenes.saves(make()), *modules)


def test_a_note_loses_nobodys_change() -> None:
    step_through(lambda: lock_scenes.amendments(MemoryStore()), base, in_process)


def test_a_lease_is_granted_once() -> None:
    step_through(lambda: lock_scenes.leases(MemoryStore()), in_process, leases)


def test_who_gives_back_late_takes_nobody_elses_lease() -> None:
    def scene() -> Scene:
        clock = SandboxClock(frozen=True)
        return lock_scenes.release_and_takeover(MemoryStore(clock=clock), clock)

    step_through(scene, in_process)


def test_who_extends_late_has_not_what_another_took_over() -> None:
    def scene() -> Scene:
        clock = SandboxClock(frozen=True)
        return lock_scenes.extension_and_takeover(MemoryStore(clock=clock), clock)

    step_through(scene, in_process, leases)


def test_a_lease_that_is_given_back_is_not_granted_anew() -> None:
    def scene() -> Scene:
        given: list[str] = []

        def grant_anew() -> bool:
            given.append("granted")
            return True

        held = Lease(held=True, extend=grant_anew, release=lambda: given.append("given back"))
        return Scene(held.extend, held.release, lambda: equal((given[-1], "given back")))

    step_through(scene, leases, opcodes=True)


SHORT = Token(user_name="a", access_token="planted-access")
"""It is found by little, each of which is a step."""


@pytest.mark.parametrize(
    "find",
    [
        lambda store: [store.find_token(Token(user_name=SHORT.user_name))],
        lambda store: store.find_users(str(SHORT.user_name)),
    ],
    ids=["find_token", "find_users"],
)
def test_a_row_that_is_replaced_in_this_moment_is_found(
    find: Callable[[TokenStore], list[Token | None]],
) -> None:
    def scene() -> Scene:
        store = MemoryStore()
        read = store.save_token(SHORT)
        found: list[Token | None] = []
        return Scene(
            lambda: store.save_token(read),
            lambda: found.extend(find(store)),
            lambda: equal(([token and token.id for token in found], [read.id])),
        )

    step_through(scene, memory, row_index)


def test_a_deletion_of_all_is_never_seen_half_done() -> None:
    def scene() -> Scene:
        store = MemoryStore()
        for who in ("alice", "bob"):
            store.save_token(grant(who))
        seen = Count()

        def look() -> None:
            seen.calls = len(store.get_tokens())

        def check() -> None:
            assert seen.calls != 1

        return Scene(store.delete_tokens, look, check)

    step_through(scene, memory)


def test_a_listing_misses_nobody_when_another_row_is_deleted() -> None:
    def scene() -> Scene:
        store = ListStore()
        alice, bob, carol = (store.save_token(grant(who)) for who in ("alice", "bob", "carol"))
        listed: list[Token] = []

        def check() -> None:
            assert {bob.id, carol.id} <= {token.id for token in listed}

        return Scene(
            lambda: listed.extend(store.get_tokens()),
            lambda: store.delete_token(str(alice.id)),
            check,
        )

    step_through(scene, in_a_list)


class Crowded(plain.Plain):
    """Notes how many are in it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = 0

    def get_tokens(self) -> list[Token]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        found = super().get_tokens()
        self.inside -= 1
        return found


def test_a_store_with_six_methods_is_used_by_one_thread_at_a_time() -> None:
    def scene() -> Scene:
        crowded = Crowded()
        store = SixMethodStore(crowded)
        return Scene(store.get_tokens, store.get_tokens, lambda: equal((crowded.most, 1)))

    step_through(scene, plain)


def test_a_listing_forgets_nothing_of_what_is_saved_meanwhile() -> None:
    def scene() -> Scene:
        store = SixMethodStore(plain.OfficialColumns())
        saved: list[Token] = []

        def check() -> None:
            equal((store.get_tokens(), saved), (saved[0].scopes, ALICE.scopes))

        return Scene(store.get_tokens, lambda: saved.append(store.save_token(ALICE)), check)

    step_through(scene, six_methods, plain)


def test_a_store_with_six_methods_is_adapted_once() -> None:
    def scene() -> Scene:
        store, made = plain.Plain(), list[TokenStore]()

        def adapt() -> None:
            made.append(adaptation.adapt(store))

        def check() -> None:
            assert made[0] is made[1]

        return Scene(adapt, adapt, check)

    step_through(scene, adaptation)


def test_a_deletion_in_secrets_manager_loses_no_note(
    secrets_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_process, "PURGE_AT", -1_000)
    store = SecretsManagerStore(secrets_url)

    def scene() -> Scene:
        store.save_token(ALICE)

        def check() -> None:
            equal((store.get_note("word"), "kept"))
            store.update_note("word", lambda _: "", life=60)

        return Scene(
            store.delete_tokens,
            lambda: store.update_note("word", lambda _: "kept", life=60),
            check,
        )

    step_through(scene, in_process)


def test_a_note_beside_secrets_manager_loses_nobodys_change(secrets_url: str) -> None:
    store = SecretsManagerStore(secrets_url)
    step_through(lambda: lock_scenes.amendments(store), base)
