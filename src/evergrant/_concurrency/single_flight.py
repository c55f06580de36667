"""One at a time per key: the others wait for the first one's result and take it."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Generic, TypeVar

from evergrant._fork import PerProcess, ProcessLock
from evergrant._masking import copy_error
from evergrant.errors import EvergrantError

__all__ = ["AskedForItselfError", "SingleFlight", "StillRunningError"]

T = TypeVar("T")


class AskedForItselfError(RuntimeError):
    """The work needs its own result: it would wait for ever."""


class StillRunningError(Exception):
    """The work has not ended in time, or too much of it is under way."""


class _Call(Future[T]):
    """What one thread is working on, which thread began it, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.leader = threading.get_ident()
        self.began = time.monotonic()

    def outcome(self, timeout_s: float | None = None) -> T:
        try:
            return self.result(timeout_s)
        except EvergrantError as error:
            raise copy_error(error) from None


class SingleFlight(Generic[T]):
    """Lets one thread per key do the work; threads that come in the meantime share its outcome.

    Errors are shared as well: when Zoho throttles the first, the others must not ask again.
    A forked child has calls of its own: it must not wait for a thread that it does not have.
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._calls: PerProcess[dict[Hashable, _Call[T]]] = PerProcess(dict)

    def do(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, or what a call under way with this key does.

        Raises:
            AskedForItselfError: The work asked for itself.
        """
        while True:
            calls, call = self._calls.get(), _Call[T]()
            try:
                with self._lock.get():
                    under_way = calls.setdefault(key, call)
                if under_way is call:
                    call.set_result(result := work())
                    return result
            except Exception as error:
                call.set_exception(error)
                raise
            finally:
                # An interrupt is the leader's own: another thread takes the lead.
                call.cancel()
                _remove(calls, key, call)
            if under_way.leader == call.leader:
                raise AskedForItselfError("the work asked for itself: it would wait for ever")
            with suppress(CancelledError):
                return under_way.outcome()

    def do_in_thread(
        self, key: Hashable, work: Callable[[], T], timeout_s: float, max_running: int
    ) -> T:
        """Return what `do` does, from a thread of its own that may hang for ever.

        Args:
            timeout_s: How long the work may take before no caller waits for it any more.
            max_running: How many pieces of work may be under way.

        Raises:
            StillRunningError: The work goes on.
        """
        calls = self._calls.get()
        with self._lock.get():
            under_way = calls.get(key)
            if under_way is None:
                if len(calls) >= max_running:
                    raise StillRunningError
                under_way = self._begin(calls, key, work)
        if under_way is None:
            return self.do(key, work)
        try:
            left = max(0.0, under_way.began + timeout_s - time.monotonic())
            return under_way.outcome(left)
        except TimeoutError:
            if under_way.done():
                raise  # the work's own
        raise StillRunningError

    def _begin(
        self, calls: dict[Hashable, _Call[T]], key: Hashable, work: Callable[[], T]
    ) -> _Call[T] | None:
        """Begin to work in a new thread; return None if there can be none."""
        call = _Call[T]()

        def run() -> None:
            call.leader = threading.get_ident()
            try:
                call.set_result(work())
            except BaseException as error:  # noqa: BLE001 - the callers get it
                call.set_exception(error)
            finally:
                with self._lock.get():
                    _remove(calls, key, call)

        context = contextvars.copy_context()
        try:
            # A daemon: the work may never end.
            threading.Thread(
                target=context.run, args=(run,), name="evergrant-look", daemon=True
            ).start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            return None
        # Only now, and before the thread can end: an interrupt may end its start at any moment,
        # and nothing would ever take from here what no thread works on.
        calls[key] = call
        return call


def _remove(calls: dict[Hashable, _Call[T]], key: Hashable, call: _Call[T]) -> None:
    if calls.get(key) is call:
        del calls[key]
