"""What the locks around serving, and around notes, guard: see `test_locks`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count

import pytest

from evergrant._core import shared_notes, stale_if_error
from evergrant._core.backoff import Backoff
from evergrant._core.cached_lookup import CachedLookup
from evergrant._core.code_registry import CodeRegistry
from evergrant._core.policy_enforcer import PolicyEnforcer
from evergrant._core.shared_notes import SharedNotes
from evergrant._core.validity import NO_MINIMUM, ValidToken
from evergrant.errors import AccountsUnavailable, CodeSpent, StoreUnavailable
from evergrant.events import Event, StoreFailed, StoreRecovered
from evergrant.policy import NO_POLICY
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from tests.support.concurrency.acts import Count, equal
from tests.support.concurrency.stepping import Scene, step_through
from tests.support.keeper.saver_scene import ALICE, HOUR, NOW

FRESH = replace(ALICE, expires_at=NOW + HOUR)
LOCKED = StoreUnavailable("the database is locked")


def raising(error: Exception) -> Callable[[], Token]:
    def load() -> Token:
        raise error

    return load


class Restless(MemoryStore):
    """A store that has always just changed, so that what is at hand is read again."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW)
        self._numbers = count()

    def change_counter(self) -> int:
        return next(self._numbers)


class Outage:
    """What serves alice's token while its store is down, and is due to be asked again."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        store, clock = Restless(), lambda: NOW
        notes = SharedNotes(store)
        enforcer = PolicyEnforcer(NO_POLICY, store, notes, clock)
        backoff, emit = Backoff(clock), self.events.append
        self.cached_lookup = CachedLookup(store, enforcer, backoff, clock, emit)
        self.outage = self.cached_lookup._stale_if_error
        self.ask("alice", lambda: FRESH)
        self.ask("alice", raising(LOCKED))
        self.events.clear()
        self.outage.retry_at = self.outage._tell_at = 0.0

    def ask(self, user: str, load: Callable[[], Token]) -> None:
        with suppress(AccountsUnavailable):
            self.cached_lookup.get(user, lambda: ValidToken.of(load()))

    def told(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


def test_a_store_that_fails_for_two_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_if_error, "RETRY_S", 3600.0)

    def scene() -> Scene:
        it = Outage()

        def fail() -> None:
            it.outage.serve_or_raise(LOCKED, "alice", NO_MINIMUM)

        return Scene(fail, fail, lambda: equal((it.told(StoreFailed), 1)))

    step_through(scene, stale_if_error)


def test_a_store_that_is_back_for_two_is_told_once() -> None:
    def scene() -> Scene:
        it = Outage()
        return Scene(
            lambda: it.ask("bob", lambda: FRESH),
            lambda: it.ask("carol", lambda: FRESH),
            lambda: equal((it.told(StoreRecovered), 1)),
        )

    step_through(scene, stale_if_error)


def test_a_store_that_was_down_is_asked_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale_if_error, "RETRY_S", 3600.0)

    def scene() -> Scene:
        it, asked = Outage(), Count()

        def load() -> Token:
            asked()
            raise LOCKED

        def ask() -> None:
            it.ask("alice", load)

        return Scene(ask, ask, lambda: equal((asked.calls, 1)))

    step_through(scene, stale_if_error)


def test_a_store_that_is_back_while_another_asks_it_harms_nobody() -> None:
    def scene() -> Scene:
        it = Outage()
        return Scene(
            lambda: it.ask("alice", lambda: FRESH),
            lambda: it.ask("bob", lambda: FRESH),
            lambda: equal((it.told(StoreRecovered), 1)),
        )

    step_through(scene, stale_if_error, within=("claim_retry",), opcodes=True)


def test_a_store_that_is_back_while_zoho_fails_stays_back() -> None:
    def scene() -> Scene:
        it = Outage()

        def check() -> None:
            it.ask("carol", lambda: FRESH)
            equal((it.told(StoreRecovered), 1))

        return Scene(
            lambda: it.ask("alice", raising(AccountsUnavailable("no answer"))),
            lambda: it.ask("bob", lambda: FRESH),
            check,
        )

    step_through(scene, stale_if_error, within=("end_probe",), opcodes=True)


class NoNotes(MemoryStore):
    """A store that takes no notes now."""

    def update_note(self, *_: object, **__: object) -> str:
        raise LOCKED


def test_a_code_is_sent_once_though_the_store_is_down() -> None:
    def scene() -> Scene:
        codes, sent, refused = CodeRegistry(SharedNotes(NoNotes()), lambda: NOW), Count(), Count()

        def send() -> None:
            try:
                with codes.claim("1000.code"):
                    sent()
            except CodeSpent:
                refused()

        return Scene(send, send, lambda: equal((sent.calls, 1), (refused.calls, 1)))

    step_through(scene, shared_notes)
