"""What each lock of the core guards: one thread stops at every step, another acts in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from acts import Count, Threads, equal
from evergrant.errors import StoreUnavailable
from evergrant.keeping import asked, background, flight, heartbeat, looking
from evergrant.keeping.asked import Asked
from evergrant.keeping.background import Background
from evergrant.keeping.flight import SingleFlight
from evergrant.keeping.heartbeat import Heartbeat
from evergrant.keeping.looking import Looking
from stepping import Scene, step_through


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    held = Threads()
    for module in (background, heartbeat, looking):
        monkeypatch.setattr(module, "threading", held)
    return held


def test_work_of_one_key_is_accepted_once(threads: Threads) -> None:
    def scene() -> Scene:
        accepted: list[bool] = []
        work = Background()
        threads.begun.clear()

        def ask() -> None:
            accepted.append(work.do("a", Count()))

        return Scene(ask, ask, lambda: equal((sorted(accepted), [False, True])))

    step_through(scene, background)


def test_as_many_threads_begin_as_there_may_be(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "THREADS", 1)

    def scene() -> Scene:
        work = Background()
        threads.begun.clear()

        def check() -> None:
            assert len(threads.begun) == 1
            threads.begun[0]()
            assert work.is_idle

        return Scene(lambda: work.do("a", Count()), lambda: work.do("b", Count()), check)

    step_through(scene, background)


def test_a_thread_that_ends_leaves_no_work_behind(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "THREADS", 1)

    def scene() -> Scene:
        done = Count()
        work = Background()
        threads.begun.clear()
        work.do("first", Count())
        run = threads.begun.pop()

        def check() -> None:
            for begun in threads.begun:
                begun()
            equal((done.calls, 1), (work.is_idle, True))

        return Scene(run, lambda: work.do("second", done), check)

    step_through(scene, background)


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
        work = Background()
        threads.begun.clear()

        def first() -> None:
            refused[:] = [threading.get_ident()]
            work.do("a", Count())

        return Scene(
            first,
            lambda: work.do("b", Count()),
            lambda: equal((work._lanes[""].threads, len(threads.begun))),
        )

    step_through(scene, background, opcodes=True)


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
            equal((flights._flights, {}))

        return Scene(fly, lambda: flights.do("a", slow), check)

    step_through(scene, flight)


class Held:
    """A lease that is given back once it was extended."""

    def __init__(self) -> None:
        self.extended = Count()
        self.until = ExitStack()

    def extend(self) -> None:
        self.extended()
        self.until.close()

    def beat(self, heart: Heartbeat) -> None:
        self.until.enter_context(heart.beating(self))  # type: ignore[arg-type]


def test_one_thread_extends_all_leases(threads: Threads) -> None:
    def scene() -> Scene:
        heart, one, two = Heartbeat(), Held(), Held()
        threads.begun.clear()
        return Scene(
            lambda: one.beat(heart),
            lambda: two.beat(heart),
            lambda: equal((len(threads.begun), 1), (len(heart._since), 2)),
        )

    step_through(scene, heartbeat)


def test_a_lease_taken_while_the_thread_ends_is_extended(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 0.0)

    def scene() -> Scene:
        heart, before, held = Heartbeat(), Held(), Held()
        threads.begun.clear()
        before.beat(heart)
        before.until.close()
        run = threads.begun.pop()

        def check() -> None:
            assert held.extended.calls or threads.begun

        return Scene(run, lambda: held.beat(heart), check)

    step_through(scene, heartbeat)


def test_a_lease_given_back_while_all_are_looked_at_stops_nothing(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT", 0.0)

    def scene() -> Scene:
        heart, one, two = Heartbeat(), Held(), Held()
        threads.begun.clear()
        one.beat(heart)
        two.beat(heart)
        run = threads.begun.pop()
        return Scene(run, one.until.close, lambda: equal((heart._since, {})))

    step_through(scene, heartbeat, opcodes=True)


def test_the_same_look_is_begun_once(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PATIENCE", 0.0)

    def scene() -> Scene:
        looks = Looking()
        threads.begun.clear()

        def ask() -> None:
            with suppress(StoreUnavailable):
                looks.do("a", Count())

        return Scene(ask, ask, lambda: equal((len(threads.begun), 1)))

    step_through(scene, looking)


NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        (lambda it: it.sent("a", NOW, [NOW]), lambda it: it.sent("a", NOW + 1, [NOW + 1]), 3),
        (lambda it: it.seen("a", [NOW - 9], NOW), lambda it: it.sent("a", NOW + 1, [NOW + 1]), 2),
        (lambda it: it.forget("a", NOW - 9), lambda it: it.sent("a", NOW + 1, [NOW + 1]), 1),
    ],
    ids=["sent and sent", "seen and sent", "forgotten and sent"],
)
def test_no_request_is_lost_and_none_comes_back(
    first: Callable[[Asked], object], second: Callable[[Asked], object], left: int
) -> None:
    def scene() -> Scene:
        it = Asked()
        it.sent("a", NOW - 9, [NOW - 9])
        return Scene(
            lambda: first(it),
            lambda: second(it),
            lambda: equal((len(it._known["a"][1]), left)),
        )

    step_through(scene, asked)
