"""Delivers items to a listener in a thread of its own: one that hangs blocks no caller."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from typing import Generic, NamedTuple, TypeVar

from evergrant._fork import Process, ProcessLock, this_process

__all__ = [
    "AT_EXIT",
    "CALLER_WAITS",
    "FAILED",
    "LATE",
    "LOSES",
    "Delivery",
    "Standing",
    "flush_all",
    "standings",
]

T = TypeVar("T")

CALLER_WAITS = 0.5
"""Seconds that a sender waits for the listener; not at all while the listener is late."""

MAX_QUEUED = 10_000
"""What may wait for a listener; the rest is lost, counted, and told as lost."""

AT_EXIT = 5.0
"""Seconds that the end of the program waits for a listener."""

LATE = "is late: calls do not wait for it any more"
LOSES = "does not keep up: events are lost"
FAILED = "failed"
"""What may be wrong with a listener."""

_all: weakref.WeakSet[Delivery[object]] = weakref.WeakSet()
_lost: dict[tuple[Process, str], int] = {}
_counting = ProcessLock()


class Standing(NamedTuple):
    """How listeners of one name keep up, in this process.

    Attributes:
        lost: How many items they did not get.
        late: How many of them are late now: senders do not wait for them.
    """

    name: str
    lost: int
    late: int


def standings() -> Iterator[Standing]:
    """Yield how the listeners of this process keep up."""
    here, late = this_process(), dict[str, int]()
    for delivery in list(_all):
        late[delivery.name] = late.get(delivery.name, 0) + delivery.is_late
    lost = {name: count for (process, name), count in list(_lost.items()) if process == here}
    for name in sorted(late.keys() | lost.keys()):
        yield Standing(name, lost.get(name, 0), late.get(name, 0))


class _Item(Generic[T]):
    """Something to be delivered, with the context of its sender."""

    def __init__(self, what: T) -> None:
        self.what = what
        self.context: Context = copy_context()
        self.done = threading.Event()


class Delivery(Generic[T]):
    """Hands things to a listener, one after the other; safe to share between threads.

    Args:
        listener: Called with each item; what it raises is logged.
        lost: Makes what is told, once there is room again, in place of so many that were lost.
        report: Is told of a listener, by name, that it is `LATE`, `LOSES` something, or `FAILED`:
            then while its error is being handled.
        name: What the listener is called; else as it calls itself.

    Attributes:
        name: What the listener is called.
        is_late: Senders do not wait for it.
    """

    def __init__(
        self,
        listener: Callable[[T], object],
        lost: Callable[[int], T],
        *,
        report: Callable[[str, str], object] = lambda *_: None,
        name: str | None = None,
    ) -> None:
        self._listener = listener
        self._lost_notice = lost
        self._report = report
        self.name = str(name or getattr(listener, "__qualname__", type(listener).__name__))
        self._lock = ProcessLock()
        self._begin()
        _all.add(self)  # type: ignore[arg-type]

    def _begin(self) -> None:
        self._process = this_process()
        self._waiting: deque[_Item[T]] = deque()
        self._worker: threading.Thread | None = None
        self.is_late = False
        self._lost = 0

    def begin(self, what: T) -> Callable[[float], None]:
        """Have something told; return what waits for it until a moment (monotonic)."""
        item = _Item(what)
        with self._lock.get():
            if self._process != this_process():
                self._begin()  # the parent tells what was told there
            is_first_lost = False
            if is_lost := len(self._waiting) >= MAX_QUEUED:
                self._lost += 1
                is_first_lost = self._lost == 1
            else:
                self._waiting.append(item)
            tells_itself = not is_lost and not self._is_told and not self._start()
        if is_lost:
            with _counting.get():
                known = this_process(), self.name
                _lost[known] = _lost.get(known, 0) + 1
        if is_first_lost:
            self._report(self.name, LOSES)
        if tells_itself:
            try:
                self._run()
            finally:
                if self._is_telling:
                    self._worker = None
        return lambda until: None if is_lost else self._await(item, until)

    @property
    def _is_told(self) -> bool:
        # By the thread itself: a flag would stay where an interrupt came before its start.
        return self._worker is not None and self._worker.is_alive()

    @property
    def _is_telling(self) -> bool:
        """Whether this thread tells the listener: what that tells in turn waits for nothing."""
        return self._worker is threading.current_thread()

    def _start(self) -> bool:
        """Begin to tell; return False if there is no thread for it."""
        self.is_late = False
        self._worker = threading.Thread(target=self._run, name="evergrant-listener", daemon=True)
        try:
            self._worker.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            self._worker = threading.current_thread()
            return False
        return True

    def _await(self, item: _Item[T], until: float) -> None:
        if self.is_late or self._is_telling:
            return
        if not item.done.wait(max(0.0, until - time.monotonic())) and self._falls_behind(item):
            self._report(self.name, LATE)

    def _falls_behind(self, item: _Item[T]) -> bool:
        """Note that the listener is late; false if that is known, or it is done after all."""
        with self._lock.get():  # at once: what is noted after its end would stay
            if self.is_late or item.done.is_set():
                return False
            self.is_late = True
            return True

    def _run(self) -> None:
        here = this_process()
        # A child that a listener forked goes on in this thread: the rest is its parent's to tell.
        while this_process() == here and (item := self._next()):
            try:
                item.context.run(self._listener, item.what)
            except BaseException:  # noqa: BLE001 - no caller is left to get it
                self._report(self.name, FAILED)
            item.done.set()

    def _next(self) -> _Item[T] | None:
        with self._lock.get():
            if self._lost:
                lost, self._lost = self._lost, 0
                return _Item(self._lost_notice(lost))
            if self._waiting:
                return self._waiting.popleft()
            self._worker, self.is_late = None, False
            return None

    def flush(self, seconds: float) -> None:
        """Wait until all is delivered, for a number of seconds at most."""
        until = time.monotonic() + seconds
        if self._process != this_process() or self._is_telling:
            return
        while self._is_told and time.monotonic() < until:
            time.sleep(0.002)


@atexit.register
def flush_all() -> None:
    """Wait until every listener was told everything, for a while at the most."""
    until = time.monotonic() + AT_EXIT
    for delivery in list(_all):
        delivery.flush(until - time.monotonic())
