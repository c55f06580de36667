"""What the locks of the sandbox and of the test tools guard: see `test_locks`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from evergrant._oauth.messages import HttpRequest
from evergrant.sandbox import Sandbox, calls, clock, faults, request_handler
from evergrant.sandbox.calls import Call, Calls
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.faults import NO_FAULT, TOKEN_PATH, Faults
from evergrant.sandbox.settings import Settings
from evergrant.testing import lookup_checks
from evergrant.testing.lookup_checks import LookupCheckedStore
from tests.support.concurrency.acts import equal
from tests.support.concurrency.stepping import Scene, step_through
from tests.support.keeper.saver_scene import ALICE
from tests.support.stores.six_methods import Plain

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CALL = Call("us", "POST", TOKEN_PATH, 200, "refresh_token", "alice@example.com", NOW, "a module")


def test_each_move_of_the_clock_counts() -> None:
    def scene() -> Scene:
        now = SandboxClock(NOW, frozen=True)

        def move() -> None:
            now.advance(days=1)

        return Scene(move, move, lambda: equal(((now() - NOW).days, 2)))

    step_through(scene, clock, opcodes=True)


def test_each_call_is_counted() -> None:
    def scene() -> Scene:
        log = Calls()

        def record() -> None:
            log.record(CALL)

        def check() -> None:
            equal((log.count(), 2), (log.missing(), {"a module": 2}))

        return Scene(record, record, check)

    step_through(scene, calls, opcodes=True)


@pytest.mark.parametrize("since", [None, NOW])
def test_calls_are_counted_while_others_come(since: datetime | None) -> None:
    def scene() -> Scene:
        log = Calls()
        for user in ("bob", "carol"):
            log.record(CALL._replace(user=user))
        return Scene(
            lambda: log.count(since=since), lambda: log.record(CALL), lambda: equal((len(log), 3))
        )

    step_through(scene, calls)


def test_a_call_that_comes_while_all_are_forgotten_is_there_or_not() -> None:
    def scene() -> Scene:
        log = Calls()
        return Scene(
            log.clear,
            lambda: log.record(CALL),
            lambda: equal((log.count(), len(log)), (sum(log.missing().values()), len(log))),
        )

    step_through(scene, calls)


@pytest.fixture
def planned() -> Callable[[], Faults]:
    def new() -> Faults:
        it = Faults(Settings())
        it.server_error()
        return it

    return new


def test_a_fault_strikes_as_often_as_it_should(planned: Callable[[], Faults]) -> None:
    def scene() -> Scene:
        it, struck = planned(), list[bool]()

        def take() -> None:
            struck.append(it.take(TOKEN_PATH) != NO_FAULT)

        return Scene(take, take, lambda: equal((sorted(struck), [False, True])))

    step_through(scene, faults)


def test_faults_that_are_planned_at_once_all_strike(planned: Callable[[], Faults]) -> None:
    def scene() -> Scene:
        it = planned()
        return Scene(it.refuse, it.html, lambda: equal((len(it._plans), 3)))

    step_through(scene, faults, within=("_plan",), opcodes=True)


def test_faults_that_are_cleared_while_one_strikes_stay_away(
    planned: Callable[[], Faults],
) -> None:
    def scene() -> Scene:
        it = planned()
        it.html()
        return Scene(
            lambda: it.take(TOKEN_PATH), it.clear, lambda: equal((it.take(TOKEN_PATH), NO_FAULT))
        )

    step_through(scene, faults, within=("take",), opcodes=True)


class Visitors:
    """Notes how many are in the sandbox's memory at the same time."""

    def __init__(self) -> None:
        self.inside = self.most = 0

    def note(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def visit(*args: Any, **named: Any) -> Any:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.inside -= 1
            return real(*args, **named)

        return visit


REQUESTS: dict[str, Callable[[Sandbox], object]] = {
    "directory.add_client": lambda zoho: zoho.add_client(),
    "directory.add_org": lambda zoho: zoho.add_org("Leeds"),
    "directory.add_user": lambda zoho: zoho.add_user("dave@example.com"),
    "directory.join": lambda zoho: zoho.join(
        "alice@example.com", zoho.user("bob@example.com").orgs[0]
    ),
    "schema.add_module": lambda zoho: zoho.add_module("Students"),
    "schema.declare": lambda zoho: zoho.add_field("Leads", "Grade"),
    "grants.add_code": lambda zoho: zoho.grant_code("alice@example.com"),
    "grants.revoke_all": lambda zoho: zoho.revoke("alice@example.com"),
    "grants.of_user": lambda zoho: zoho.expire_access_tokens("alice@example.com"),
    "grants.access_token": lambda zoho: zoho.kill_access_token("1000.none"),
}


@pytest.mark.parametrize("callee", REQUESTS)
def test_nothing_changes_in_the_middle_of_a_request(
    zoho: Sandbox, monkeypatch: pytest.MonkeyPatch, callee: str
) -> None:
    where, name = callee.split(".")
    part = getattr(zoho._state, where)
    real, handle = getattr(part, name), request_handler._handle

    def scene() -> Scene:
        visitors = Visitors()
        monkeypatch.setattr(part, name, visitors.note(real))
        monkeypatch.setattr(request_handler, "_handle", visitors.note(handle))

        def change() -> None:
            with suppress(LookupError, ValueError):
                REQUESTS[callee](zoho)

        return Scene(
            lambda: zoho.send(HttpRequest("GET", f"{zoho.url}/oauth/v2/auth", {}, b"")),
            change,
            lambda: equal((visitors.most, 1)),
        )

    step_through(scene, sys.modules[__name__], within=("visit",))


@pytest.mark.parametrize("how", ["find_token", "find_token_by_id"])
def test_a_store_that_is_asked_while_it_is_changed_is_not_blamed(how: str) -> None:
    def scene() -> Scene:
        store = LookupCheckedStore(Plain())
        saved = store.save_token(ALICE)

        def ask() -> None:
            store.find_token(ALICE) if how == "find_token" else store.find_token_by_id(
                str(saved.id)
            )

        def change() -> None:
            store.save_token(replace(saved, access_token="1000.a2"))

        return Scene(ask, change, lambda: None)

    step_through(scene, lookup_checks)
