"""Delivers items to a listener in a thread of its own: one that hangs blocks no caller."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from evergrant._fork import PerProcess, Process, ProcessLock, this_process

__all__ = [
    "CALLER_WAITS_S",
    "EXIT_TIMEOUT_S",
    "FAILED",
    "LATE",
    "LOSES",
    "Delivery",
    "Standing",
    "flush_all",
    "standings",
]

T = TypeVar("T")

CALLER_WAITS_S = 0.5
"""How long a sender waits for the listener; not at all while the listener is late."""

MAX_QUEUED = 10_000
"""What may wait for a listener; the rest is lost, counted, and told as lost."""

EXIT_TIMEOUT_S = 5.0
"""How long the end of the program waits for a listener."""

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


@dataclass(slots=True)
class _Queue(Generic[T]):
    """What waits to be told, how many items are lost, and the thread that tells."""

    waiting: deque[_Item[T]] = field(default_factory=deque)
    lost: int = 0
    worker: threading.Thread | None = None
    is_late: bool = False


class Delivery(Generic[T]):
    """Hands items to a listener, one after the other; safe to share between threads.

    A forked child has a queue of its own: the parent tells what was sent there.

    Args:
        listener: Called with each item; what it raises is logged.
        lost: Makes the item that is told, once there is room again, for a number of lost ones.
        report: Is told, with the listener's name, that it is `LATE`, `LOSES` something, or
            `FAILED`; in the last case while its error is being handled.
        name: What the listener is called. Default: what it calls itself.

    Attributes:
        name: What the listener is called.
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
        self._queues: PerProcess[_Queue[T]] = PerProcess(_Queue)
        _all.add(self)  # type: ignore[arg-type]

    @property
    def is_late(self) -> bool:
        """Whether senders do not wait for the listener."""
        return self._queues.get().is_late

    def begin(self, what: T) -> Callable[[float], None]:
        """Have something told; return what waits for it until a moment (monotonic)."""
        item, queue = _Item(what), self._queues.get()
        with self._lock.get():
            is_first_lost = False
            if is_lost := len(queue.waiting) >= MAX_QUEUED:
                queue.lost += 1
                is_first_lost = queue.lost == 1
            else:
                queue.waiting.append(item)
            tells_itself = not is_lost and not _is_told(queue) and not self._start(queue)
        if is_lost:
            with _counting.get():
                known = this_process(), self.name
                _lost[known] = _lost.get(known, 0) + 1
        if is_first_lost:
            self._report(self.name, LOSES)
        if tells_itself:
            try:
                self._run(queue)
            finally:
                if _is_telling(queue):
                    queue.worker = None
        return lambda until: None if is_lost else self._await(queue, item, until)

    def _start(self, queue: _Queue[T]) -> bool:
        """Begin to tell; return False if there is no thread for it."""
        queue.is_late = False
        queue.worker = threading.Thread(
            target=self._run, args=[queue], name="evergrant-listener", daemon=True
        )
        try:
            queue.worker.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            queue.worker = threading.current_thread()
            return False
        return True

    def _await(self, queue: _Queue[T], item: _Item[T], until: float) -> None:
        if queue.is_late or _is_telling(queue):
            return
        left = max(0.0, until - time.monotonic())
        if not item.done.wait(left) and self._falls_behind(queue, item):
            self._report(self.name, LATE)

    def _falls_behind(self, queue: _Queue[T], item: _Item[T]) -> bool:
        """Mark the listener as late; return False if it was already, or the item is done."""
        with self._lock.get():  # at once: a mark that is set after the end would stay
            if queue.is_late or item.done.is_set():
                return False
            queue.is_late = True
            return True

    def _run(self, queue: _Queue[T]) -> None:
        # A child that a listener forked goes on in this thread: the rest is its parent's to tell.
        while self._queues.get() is queue and (item := self._next(queue)):
            try:
                item.context.run(self._listener, item.what)
            except BaseException:  # noqa: BLE001 - no caller is left to get it
                self._report(self.name, FAILED)
            item.done.set()

    def _next(self, queue: _Queue[T]) -> _Item[T] | None:
        with self._lock.get():
            if queue.lost:
                lost, queue.lost = queue.lost, 0
                return _Item(self._lost_notice(lost))
            if queue.waiting:
                return queue.waiting.popleft()
            queue.worker, queue.is_late = None, False
            return None

    def flush(self, seconds: float) -> None:
        """Wait until all is delivered, for a number of seconds at most."""
        until, queue = time.monotonic() + seconds, self._queues.get()
        while not _is_telling(queue) and _is_told(queue) and time.monotonic() < until:
            time.sleep(0.002)


def _is_told(queue: _Queue[T]) -> bool:
    # By the thread itself: a flag would stay where an interrupt came before its start.
    return queue.worker is not None and queue.worker.is_alive()


def _is_telling(queue: _Queue[T]) -> bool:
    """Return True in the thread that tells the listener: what that sends, it does not wait for."""
    return queue.worker is threading.current_thread()


@atexit.register
def flush_all() -> None:
    """Wait until every listener was told everything, for a while at the most."""
    until = time.monotonic() + EXIT_TIMEOUT_S
    for delivery in list(_all):
        delivery.flush(until - time.monotonic())
