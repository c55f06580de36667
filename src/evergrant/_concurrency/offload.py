"""Does what blocks in threads of its own, for the event loops of asyncio and trio."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from evergrant._fork import PerProcess, ProcessLock
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._masking import copy_error
from evergrant.errors import EvergrantError

__all__ = ["MAX_CALL_TIME_S", "ThreadBridge", "ThreadBridges"]

_logger = RateLimitedLog()

T = TypeVar("T")

MAX_CALL_TIME_S = 60.0
"""How long `asyncio.run` and `close` wait for a call that is under way."""


class _Event(Protocol):
    """An event of the loop in which tasks wait."""

    async def wait(self) -> object: ...
    def set(self) -> object: ...


@dataclass(frozen=True, slots=True)
class _LoopAdapter:
    """What we need of an event loop.

    Attributes:
        loop: Tells it from any other.
        call: Has it call something, from any thread.
        new_event: Makes an event for which its tasks can wait.
        checkpoint: Lets other tasks go on; a task that was cancelled ends here.
    """

    loop: object
    call: Callable[[Callable[[], object]], object]
    new_event: Callable[[], _Event]
    checkpoint: Callable[[], Awaitable[object]]


def _here() -> _LoopAdapter:
    """Return the running event loop, of whichever library."""
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        token = trio.lowlevel.current_trio_token()
        return _LoopAdapter(token, token.run_sync_soon, trio.Event, trio.lowlevel.checkpoint)
    return _LoopAdapter(loop, loop.call_soon_threadsafe, asyncio.Event, partial(asyncio.sleep, 0))


@dataclass(eq=False, slots=True)
class _SharedCall(Generic[T]):
    """What one thread does, how many tasks wait for it, and what wakes those of each loop."""

    number: int
    work: Future[T]
    waiting: int = 0
    events: dict[object, _Event] = field(default_factory=dict)


class ThreadBridge:
    """Lets any number of tasks, of any number of event loops, share the work of few threads.

    A task that is cancelled stops waiting; what a thread has begun goes on, since Zoho may be
    granting something. What has not started is not started once no task waits for it. A program
    that ends waits for what was begun, and so may `asyncio.run`, for a minute at the most. A forked
    child has none of the threads, and leaves their work to its parent. No `SingleFlight`: tasks
    wait by an event of their loop, leave when they are cancelled, and may need a later result.

    Args:
        threads: How many calls may run at the same time.
        name: What the threads are called.
        holds_loop: Whether `asyncio.run` waits, too.
    """

    def __init__(self, threads: int, name: str, *, holds_loop: bool = True) -> None:
        self._holds_loop = holds_loop
        self._lock = ProcessLock()
        self._pools = PerProcess(partial(ThreadPoolExecutor, threads, thread_name_prefix=name))
        self._calls: PerProcess[dict[Hashable, _SharedCall[Any]]] = PerProcess(dict)
        self._begun = 0
        self._closed = False

    async def run_shared(self, key: Hashable, call: Callable[[], T]) -> T:
        """Return what ``call`` returns, for one task or for all that ask with its key.

        A caller that joins a call already running does not get its result, which may have been read
        before a revocation; it calls again. Errors, and None, are shared by all waiters.

        Raises:
            RuntimeError: This was closed.
        """
        asked = self._begun
        while True:
            shared = self._join(key, call)
            await self._outcome(shared)
            if shared.work.cancelled():
                continue  # by the tasks that shared it, and have left
            result = _result(shared.work)
            if result is None or shared.number > asked:
                return result

    async def run(self, call: Callable[[], T]) -> T:
        """Return what ``call`` returns; a task that is cancelled already does not begin it."""
        await _here().checkpoint()
        return await self.run_shared(object(), call)

    def _join(self, key: Hashable, call: Callable[[], T]) -> _SharedCall[T]:
        with self._lock.get():
            if self._closed:
                raise RuntimeError("closed: no more calls are begun")
            calls = self._calls.get()
            shared: _SharedCall[T] | None = calls.get(key)
            if shared and not shared.work.done():
                shared.waiting += 1
                return shared
            self._begun += 1
            work = self._pools.get().submit(copy_context().run, call)
            shared = calls[key] = _SharedCall(self._begun, work, waiting=1)
        # Without the lock: it may be done already, and the callback then runs at once.
        work.add_done_callback(lambda _: self._end(key, shared))
        if self._holds_loop:
            _keep_loop_alive(shared)
        return shared

    async def _outcome(self, shared: _SharedCall[Any]) -> None:
        try:
            await _done(shared)
        finally:
            with self._lock.get():
                shared.waiting -= 1
                is_abandoned = not shared.waiting
            if is_abandoned:
                shared.work.cancel()  # if it has not begun

    def _end(self, key: Hashable, shared: _SharedCall[Any]) -> None:
        with self._lock.get():
            calls = self._calls.get()
            if calls.get(key) is shared:
                del calls[key]
            is_abandoned = not shared.waiting
        error = None if shared.work.cancelled() else shared.work.exception()
        if is_abandoned and error:
            unexpected = None if isinstance(error, EvergrantError) else error
            _logger.warning("a call that was cancelled has failed: %s", error, exc_info=unexpected)

    @property
    def is_closed(self) -> bool:
        """Whether nothing is begun any more."""
        return self._closed

    def close(self, timeout: float = MAX_CALL_TIME_S) -> None:
        """Begin nothing more, and wait for what is under way; seconds at the most."""
        with self._lock.get():
            self._closed = True
        self._pools.get().shutdown(wait=False, cancel_futures=True)
        wait([shared.work for shared in list(self._calls.get().values())], timeout)


class ThreadBridges:
    """Threads for each server apart: one that hangs does not hold up calls to another.

    Args:
        threads: How many calls may wait for one server at the same time.
        name: What the threads are called.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = threads
        self._name = name
        self._bridges: dict[str, ThreadBridge] = {}
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing is begun any more."""
        return self._closed

    def bridge_for(self, server: str) -> ThreadBridge:
        """Return where calls wait for this server."""
        if server not in self._bridges:
            bridge = self._bridges.setdefault(server, ThreadBridge(self._threads, self._name))
            if self._closed:
                bridge.close(0)
        return self._bridges[server]

    def close(self, until: float) -> None:
        """Begin nothing more, and wait for what is under way, until a moment (monotonic)."""
        self._closed = True
        bridges = list(self._bridges.values())
        for bridge in bridges:
            bridge.close(0)
        for bridge in bridges:
            bridge.close(max(0.0, until - time.monotonic()))


def _result(work: Future[T]) -> T:
    error = work.exception()
    if isinstance(error, EvergrantError):
        raise copy_error(error).with_traceback(error.__traceback__) from error.__cause__
    return work.result()


async def _done(shared: _SharedCall[Any]) -> None:
    here = _here()
    event = shared.events.get(here.loop)
    if event is None:
        event = shared.events[here.loop] = here.new_event()
        shared.work.add_done_callback(lambda _: _wake(event, here))
    await event.wait()


def _wake(event: _Event, there: _LoopAdapter) -> None:
    with suppress(RuntimeError):  # the loop has ended
        there.call(event.set)


def _keep_loop_alive(shared: _SharedCall[Any]) -> None:
    """Keep `asyncio.run` from ending before the work does: its caller may close the store next."""
    import asyncio

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    guard = loop.create_task(_last_until_done(shared), name="evergrant-guard")
    shared.work.add_done_callback(lambda _: guard)  # a loop keeps no strong reference to its tasks


async def _last_until_done(shared: _SharedCall[Any]) -> None:
    import asyncio

    try:
        await _done(shared)
    except asyncio.CancelledError:
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_CALL_TIME_S):
                await _done(shared)
        raise
