"""What processes do to a store at once, killed and stopped, must be explained by some order."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from tests.support.concurrency.linearizability import (
    ABSENT,
    DONE,
    REFUSED,
    Call,
    State,
    applied,
    unexplained,
)
from tests.support.concurrency.linearizable_processes import Crew
from tests.support.servers.databases import Database
from tests.support.soak import Soak

KINDS = ("sqlite", "sealed", "file", "mariadb", "postgresql", "pgbouncer", "redis")
SECONDS = 1.0


@pytest.fixture
def crew(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Crew]:
    def make(kind: str, fault: str = "") -> Crew:
        urls = {
            "sqlite": f"sqlite:///{tmp_path}/tokens.db",
            "sealed": f"sqlite:///{tmp_path}/sealed.db",
            "file": f"file://{tmp_path}/tokens.csv",
        }
        if kind == "redis":
            urls[kind] = request.getfixturevalue("redis_url")
        elif kind not in urls:
            database: Database = request.getfixturevalue(kind)
            urls[kind] = database.url
        return Crew(urls[kind], tmp_path, fault=fault, sealed=kind == "sealed")

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_stopped_at_any_moment(kind: str, crew: Callable[..., Crew], soak: Soak) -> None:
    rounds, calls = soak.rounds(1, 60), 0
    with crew(kind) as workers:
        for seed in range(rounds):
            history = workers.run(5.0 if soak.full else SECONDS, os.getpid() + seed)
            assert not unexplained(history), f"seed {os.getpid() + seed}"
            calls += len(history)
    soak.note(f"linearizable: {kind}", calls=calls, killed=workers.killed, stopped=workers.stopped)
    assert calls > 50 * rounds
    assert workers.killed
    assert workers.stopped


@pytest.mark.parametrize("fault", ["ignores versions", "begins at one"])
def test_a_store_whose_versions_say_nothing_is_found_out(
    fault: str, crew: Callable[..., Crew]
) -> None:
    with crew("sqlite", fault) as workers:
        assert any(unexplained(workers.run(SECONDS, seed)) for seed in range(20))


def find(begun: float, ended: float, answer: str, mark: str | None = None) -> Call:
    mark = ("" if answer == ABSENT else answer) if mark is None else mark
    return Call("k", "find", begun, ended, answer, mark)


def create(begun: float, ended: float, answer: str = DONE, value: str = "a") -> Call:
    return Call("k", "create", begun, ended, answer, value, value)


def swap(begun: float, ended: float, answer: str, value: str, expected: str) -> Call:
    return Call("k", "swap", begun, ended, answer, value, value, expected=(expected, expected))


def killed_swap(begun: float, value: str, expected: str) -> Call:
    return Call("k", "swap", begun, value=value, expected=(expected, expected))


def drop(begun: float, ended: float, answer: str, expected: str) -> Call:
    return Call("k", "drop", begun, ended, answer, expected=(expected, expected))


def put(begun: float, ended: float, answer: str, mark: str, value: str, lasts: int) -> Call:
    return Call("k", "put", begun, ended, answer, mark, value, lasts)


REFUSE = {
    "a read of what was never written": [create(0, 1), find(2, 3, "z")],
    "a write that is not seen": [create(0, 1), find(2, 3, ABSENT)],
    "two who make the same row": [create(0, 3), create(1, 4, value="b")],
    "a lost update": [create(0, 1), swap(2, 5, DONE, "b", "a"), swap(3, 6, DONE, "c", "a")],
    "a stale read": [create(0, 1), swap(2, 3, DONE, "b", "a"), find(4, 5, "a")],
    "reads that go back": [
        create(0, 1), swap(2, 9, DONE, "b", "a"), find(3, 4, "b"), find(5, 6, "a"),
    ],
    "an old copy that wins over a new row": [
        create(0, 1), drop(2, 3, DONE, "a"), create(4, 5, value="b"), swap(6, 7, DONE, "c", "a"),
    ],
    "an old copy that deletes a new row": [
        create(0, 1), drop(2, 3, DONE, "a"), create(4, 5, value="b"), drop(6, 7, DONE, "a"),
    ],
    "a mark that comes again": [
        create(0, 1), drop(2, 3, DONE, "a"),
        Call("k", "create", 4, 5, DONE, "a", "b"), drop(6, 7, DONE, "a"),
    ],
    "a refusal without a reason": [create(0, 1), swap(2, 3, REFUSED, "b", "a")],
    "a row that comes back": [create(0, 1), drop(2, 3, DONE, "a"), find(4, 5, "a")],
    "a killed call that happened twice": [
        create(0, 1), killed_swap(2, "b", "a"), find(3, 4, "b"),
        swap(5, 6, DONE, "c", "b"), find(7, 8, "b"),
    ],
    "a killed call that happened before it began": [
        create(0, 1), find(2, 3, "b"), killed_swap(4, "b", "a"),
    ],
    "a longer life that is done over": [
        create(0, 1), put(2, 3, "b", "b", "b", 9), put(4, 5, "c", "c", "c", 1),
    ],
    "a save that leaves no mark": [
        create(0, 1), put(2, 3, "b", "1", "b", 9), put(4, 5, "b", "2", "c", 1),
        find(6, 7, "b", "1"),
    ],
}  # fmt: skip

EXPLAIN = {
    "nothing": [],
    "one after another": [
        create(0, 1), find(2, 3, "a"), swap(4, 5, DONE, "b", "a"), swap(6, 7, REFUSED, "c", "a"),
        drop(8, 9, DONE, "b"), find(10, 11, ABSENT), create(12, 13, value="d"),
    ],
    "a read beside a write sees either": [create(0, 9), find(1, 2, ABSENT), find(3, 4, "a")],
    "the later call took effect first": [create(0, 9, REFUSED), create(1, 5, value="b")],
    "a killed call that happened": [create(0, 1), killed_swap(2, "b", "a"), find(3, 4, "b", "x")],
    "a killed call that did not": [create(0, 1), killed_swap(2, "b", "a"), find(3, 4, "a")],
    "a killed call that happened much later": [
        create(0, 1), killed_swap(2, "b", "a"), find(3, 4, "a"), find(5, 6, "b"),
    ],
    "what lasts longer stays": [
        create(0, 1), put(2, 3, "b", "1", "b", 9), put(4, 5, "b", "2", "c", 1),
        find(6, 7, "b", "2"),
        Call("k", "swap", 8, 9, REFUSED, value="d", expected=("b", "1")),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSE)
def test_a_history_that_cannot_be_is_refused(name: str) -> None:
    assert unexplained(REFUSE[name]) == ["k"]
    elsewhere = [Call("other", "find", 0, 1, ABSENT), *REFUSE[name]]
    assert unexplained(elsewhere) == ["k"]


@pytest.mark.parametrize("name", EXPLAIN)
def test_a_history_that_can_be_is_explained(name: str) -> None:
    assert unexplained(EXPLAIN[name]) == []


@pytest.mark.parametrize("name", [*REFUSE, *EXPLAIN])
def test_it_says_the_same_as_trying_every_order(name: str) -> None:
    calls = (REFUSE | EXPLAIN)[name]
    assert bool(unexplained(calls)) == (not any(map(is_order, subsets(calls))))


def subsets(calls: list[Call]) -> list[list[Call]]:
    """Return every order of all calls that were answered, with any of the others."""
    maybe = [call for call in calls if call.answer is None]
    sure = [call for call in calls if call.answer is not None]
    chosen = [sure + maybe[:n] for n in range(len(maybe) + 1)]
    return [list(order) for some in chosen for order in permutations(some)]


def is_order(calls: list[Call]) -> bool:
    state: State = None
    for n, call in enumerate(calls):
        if any(later.ended < call.begun for later in calls[n:]):
            return False
        may_be, state = applied(state, call)
        if not may_be:
            return False
    return True
