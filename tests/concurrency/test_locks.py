"""What each lock of the core guards: one thread stops at every step, another acts in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from evergrant._concurrency import deduplicated_read, single_flight, workers
from evergrant._concurrency.deduplicated_read import DeduplicatedRead
from evergrant._concurrency.single_flight import SingleFlight
from evergrant._concurrency.workers import BackgroundWorkers
from evergrant._core import lease_heartbeat, request_history
from evergrant._core.lease_heartbeat import LeaseHeartbeat
from evergrant._core.request_history import RequestHistory
from evergrant.errors import StoreUnavailable
from tests.support.concurrency.acts import Count, Threads, equal
from tests.support.concurrency.stepping import Scene, step_through


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    held = Threads()
    for module in (workers, lease_heartbeat, single_flight):
        monkeypatch.setattr(module, "threading", held)
    return held


def test_work_of_one_key_is_accepted_once(threads: Threads) -> None:
    def scene() -> Scene:
        accepted: list[bool] = []
        work = BackgroundWorkers()
        threads.begun.clear()

        def ask() -> None:
            accepted.append(work.submit("a", Count()))

        return Scene(ask, ask, lambda: equal((sorted(accepted), [False, True])))

    step_through(scene, workers)


def test_as_many_threads_begin_as_there_may_be(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "THREADS", 1)

    def scene() -> Scene:
        work = BackgroundWorkers()
        threads.begun.clear()

        def check() -> None:
            assert len(threads.begun) == 1
            threads.begun[0]()
            assert work.is_idle

        return Scene(lambda: work.submit("a", Count()), lambda: work.submit("b", Count()), check)

    step_through(scene, workers)


def test_a_thread_that_ends_leaves_no_work_behind(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "THREADS", 1)

    def scene() -> Scene:
        done = Count()
        work = BackgroundWorkers()
        threads.begun.clear()
        work.submit("first", Count())
        run = threads.begun.pop()

        def check() -> None:
            for begun in threads.begun:
                begun()
            equal((done.calls, 1), (work.is_idle, True))

        return Scene(run, lambda: work.submit("second", done), check)

    step_through(scene, workers)


def test_a_thread_that_cannot_begin_is_not_taken_for_one_that_runs(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refused = threads.Thread, list[int]()

    def refuse_the_first(**how: Any) -> Any:
        if threading.get_ident() in refused:
            raise RuntimeError("can't start new thread")
        return real(**how)

    monkeypatch.setattr(threads, "Thread", refuse_the_first)

    def scene() -> Scene:
        work = BackgroundWorkers()
        threads.begun.clear()

        def first() -> None:
            refused[:] = [threading.get_ident()]
            work.submit("a", Count())

        return Scene(
            first,
            lambda: work.submit("b", Count()),
            lambda: equal((len(work._queues.get()[""].threads), len(threads.begun))),
        )

    step_through(scene, workers, opcodes=True)


def test_a_flight_has_one_leader() -> None:
    def scene() -> Scene:
        flights: SingleFlight[str] = SingleFlight()
        calls, landed = Count("done"), threading.Event()

        def slow() -> str:
            calls()
            landed.wait(0.1)
            return "done"

        def fly() -> None:
            assert flights.do("a", calls) == "done"
            landed.set()

        def check() -> None:
            assert calls.calls == 1 or landed.is_set()
            equal((flights._calls.get(), {}))

        return Scene(fly, lambda: flights.do("a", slow), check)

    step_through(scene, single_flight)


class Held:
    """A lease that is given back once it was extended."""

    def __init__(self) -> None:
        self.extended = Count()
        self.until = ExitStack()

    def extend(self) -> None:
        self.extended()
        self.until.close()

    def beat(self, heart: LeaseHeartbeat) -> None:
        self.until.enter_context(heart.extending(self))  # type: ignore[arg-type]


def test_one_thread_extends_all_leases(threads: Threads) -> None:
    def scene() -> Scene:
        heart, one, two = LeaseHeartbeat(), Held(), Held()
        threads.begun.clear()
        return Scene(
            lambda: one.beat(heart),
            lambda: two.beat(heart),
            lambda: equal((len(threads.begun), 1), (len(heart._beats.get().since), 2)),
        )

    step_through(scene, lease_heartbeat)


def test_a_lease_taken_while_the_thread_ends_is_extended(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_heartbeat, "EXTEND_EVERY_S", 0.0)

    def scene() -> Scene:
        heart, before, held = LeaseHeartbeat(), Held(), Held()
        threads.begun.clear()
        before.beat(heart)
        before.until.close()
        run = threads.begun.pop()

        def check() -> None:
            assert held.extended.calls or threads.begun

        return Scene(run, lambda: held.beat(heart), check)

    step_through(scene, lease_heartbeat)


def test_a_lease_given_back_while_all_are_looked_at_stops_nothing(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_heartbeat, "EXTEND_EVERY_S", 0.0)

    def scene() -> Scene:
        heart, one, two = LeaseHeartbeat(), Held(), Held()
        threads.begun.clear()
        one.beat(heart)
        two.beat(heart)
        run = threads.begun.pop()
        return Scene(run, one.until.close, lambda: equal((heart._beats.get().since, {})))

    step_through(scene, lease_heartbeat, opcodes=True)


def test_the_same_look_is_begun_once(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deduplicated_read, "TIMEOUT_S", 0.0)

    def scene() -> Scene:
        looks = DeduplicatedRead()
        threads.begun.clear()

        def ask() -> None:
            with suppress(StoreUnavailable):
                looks.run("a", Count())

        return Scene(ask, ask, lambda: equal((len(threads.begun), 1)))

    step_through(scene, single_flight)


NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (lambda it: it.record("a", NOW, [NOW]), lambda it: it.record("a", NOW + 1, [NOW + 1]), 3),
        (
            lambda it: it.merged_with("a", [NOW - 9], NOW),
            lambda it: it.record("a", NOW + 1, [NOW + 1]),
            2,
        ),
        (lambda it: it.forget("a", NOW - 9), lambda it: it.record("a", NOW + 1, [NOW + 1]), 1),
    ],
    ids=["sent and sent", "seen and sent", "forgotten and sent"],
)
def test_no_request_is_lost_and_none_comes_back(
    first: Callable[[RequestHistory], object], second: Callable[[RequestHistory], object], left: int
) -> None:
    def scene() -> Scene:
        it = RequestHistory()
        it.record("a", NOW - 9, [NOW - 9])
        return Scene(
            lambda: first(it),
            lambda: second(it),
            lambda: equal((len(it._known["a"][1]), left)),
        )

    step_through(scene, request_history)
