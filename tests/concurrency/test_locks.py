"""What each lock of the core guards: one thread stops at every step, another acts in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from evergrant.keeping import background, flight, heartbeat, looking
from evergrant.keeping.background import Background
from evergrant.keeping.flight import SingleFlight
from stepping import Scene, step_through


class Count:
    """Counts calls; a lock of its own, so that only the code under test can lose one."""

    def __init__(self, result: object = None) -> None:
        self.calls = 0
        self._result = result
        self._lock = threading.Lock()

    def __call__(self, *_: object) -> Any:
        with self._lock:
            self.calls += 1
        return self._result


def equal(*pairs: tuple[object, object]) -> None:
    for found, right in pairs:
        assert found == right


class Threads:
    """Stands in for the module ``threading``: what is begun runs when the test says so."""

    def __init__(self) -> None:
        self.begun: list[Callable[[], object]] = []
        self.current_thread, self.main_thread = threading.current_thread, threading.main_thread
        self.get_ident = threading.get_ident

    def Thread(  # noqa: N802 - threading's own name
        self, *, target: Callable[..., object], args: tuple[Any, ...] = (), **_: object
    ) -> Any:
        threads = self

        class Begun:
            def start(self) -> None:
                threads.begun.append(lambda: target(*args))

        return Begun()


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


def test_work_that_no_thread_can_do_is_not_said_to_be_accepted(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "Thread", refuse)

    def scene() -> Scene:
        work, accepted = Background(), []

        def ask(key: str) -> None:
            accepted.append(work.do(key, Count()))

        def check() -> None:
            equal((sum(accepted), len(work._waiting)), (work._threads, 0))

        return Scene(lambda: ask("a"), lambda: ask("b"), check)

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
