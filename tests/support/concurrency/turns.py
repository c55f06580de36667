"""Threads that run one at a time, from one point to the next, in an order that is drawn."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from evergrant.stores.base import TokenStore

__all__ = ["Turns"]

PATIENCE = 60.0
"""Seconds after which nobody will go on any more."""

STATEMENTS = (
    "_select",
    "_select_by_user",
    "_insert",
    "_update",
    "_delete",
    "_delete_all",
    "_get_note",
)
CALLS = (
    "change_counter",
    "find_token",
    "find_token_by_id",
    "find_users",
    "save_token",
    "delete_token",
    "lease",
    "update_note",
)


class Turns:
    """Decides who goes on whenever all threads stand at a point.

    Args:
        runs: How many points one goes on for before another's turn comes; afterwards, one.
    """

    def __init__(self, runs: Iterable[int]) -> None:
        self._runs = iter(runs)
        self._left = 0
        self._latest: int | None = None
        self._changed = threading.Condition()
        self._standing: dict[int, Callable[[], bool]] = {}
        self._alive: set[int] = set()
        self._running: int | None = None
        self._writing: int | None = None
        self._own = threading.local()

    def run(self, *scripts: Callable[[], object]) -> None:
        """Run each script in a thread of its own; raise what one of them raises."""
        problems: list[BaseException] = []

        def play(number: int, script: Callable[[], object]) -> None:
            self._own.number = number
            try:
                self.point()
                script()
            except BaseException as problem:  # noqa: BLE001 - raised in the test's own thread
                problems.append(problem)
            finally:
                self._leave(number)

        self._alive = set(range(len(scripts)))
        threads = [threading.Thread(target=play, args=pair) for pair in enumerate(scripts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for problem in problems:
            raise problem

    def point(self, can_go_on: Callable[[], bool] = lambda: True) -> None:
        """Stand until it is this thread's turn; threads that are none of ours go on."""
        number = getattr(self._own, "number", None)
        if number is None:
            return
        with self._changed:
            self._standing[number] = can_go_on
            self._running = None
            self._choose()
            assert self._changed.wait_for(lambda: self._running == number, PATIENCE)

    def _leave(self, number: int) -> None:
        with self._changed:
            self._alive.discard(number)
            self._running = None
            self._choose()

    def _choose(self) -> None:
        if self._alive and self._standing.keys() == self._alive:
            ready = [number for number, can_go_on in self._standing.items() if can_go_on()]
            if self._left and self._latest in ready:
                self._left -= 1
            else:
                # The one that stands longest is the first.
                self._latest, self._left = ready[0], next(self._runs, 1)
            self._running = self._latest
            del self._standing[self._running]
            self._changed.notify_all()

    def before_each_statement(self, store: TokenStore) -> None:
        """Make every primitive of a store a point; nobody begins to write while another does."""
        for name in STATEMENTS:
            setattr(store, name, self._after_a_point(getattr(store, name)))
        transaction = store._transaction

        @contextmanager
        def stepped() -> Iterator[object]:
            self.point(lambda: self._writing is None)
            self._writing = self._own.number
            try:
                with transaction() as change:
                    yield change
            finally:
                self._writing = None

        setattr(store, "_transaction", stepped)  # noqa: B010 - a method is not assigned to

    def before_each_call(self, store: TokenStore) -> None:
        """Make every public call of a store a point, and waiting for a change one as well."""
        for name in CALLS:
            setattr(store, name, self._after_a_point(getattr(store, name)))
        watch = store.watch

        @functools.wraps(watch)
        def stepped(id_: str) -> object:
            watching = watch(id_)
            setattr(watching, "wait", lambda seconds: self.point())  # noqa: B010 - as above
            return watching

        setattr(store, "watch", stepped)  # noqa: B010 - as above

    def _after_a_point(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def stepped(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._own, "inside", False):
                return call(*args, **kwargs)
            self.point()
            self._own.inside = True
            try:
                return call(*args, **kwargs)
            finally:
                self._own.inside = False

        return stepped
