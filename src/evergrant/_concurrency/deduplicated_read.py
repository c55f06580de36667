"""Bounded, de-duplicated reads: a caller never waits longer than `TIMEOUT` for one that hangs."""

from __future__ import annotations

import contextvars
import copy
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from evergrant._fork import ProcessLock, this_process
from evergrant.errors import EvergrantError, StoreUnavailable

__all__ = ["TIMEOUT", "DeduplicatedRead"]

T = TypeVar("T")

TIMEOUT = 1.0
"""Seconds that a look may take. Its outcome is shared for no longer than that, since what another
host removes is not to be handed out for more than a second."""

MAX_PENDING = 100
"""Reads under way at a time; a store that leaves more open does not answer."""


class _Pending(Future[Any]):
    """A question to the store, and when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.began = time.monotonic()


class DeduplicatedRead:
    """Looks in a thread, once for all who want to know the same; safe to share between threads.

    The threads are daemons: one may wait for an answer that never comes.
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._process = this_process()
        self._under_way: dict[Hashable, _Pending] = {}

    def run(self, what: Hashable, look: Callable[[], T]) -> T:
        """Return what ``look`` returns, or what one under way does.

        Raises:
            StoreUnavailable: It takes too long; it goes on.
        """
        with self._lock.get():
            if self._process != this_process():
                # A forked child has none of the threads.
                self._process, self._under_way = this_process(), {}
            under_way = self._under_way.get(what)
            if begins := under_way is None:
                if len(self._under_way) >= MAX_PENDING:
                    raise _no_answer()
                under_way = self._under_way[what] = _Pending()
        if begins:
            self._begin(what, under_way, look)
        try:
            left = max(0.0, under_way.began + TIMEOUT - time.monotonic())
            outcome: T = under_way.result(left)
        except TimeoutError:
            if under_way.done():
                raise  # it is the look's own
        except EvergrantError as error:
            # A copy for each thread: raising one object in many mixes their tracebacks.
            raise copy.copy(error) from None
        else:
            return outcome
        raise _no_answer()

    def _begin(self, what: Hashable, found: _Pending, look: Callable[[], object]) -> None:
        work = partial(self._run, what, found, look)
        run = contextvars.copy_context().run
        try:
            threading.Thread(target=run, args=(work,), name="evergrant-look", daemon=True).start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            work()

    def _run(self, what: Hashable, found: _Pending, look: Callable[[], object]) -> None:
        try:
            found.set_result(look())
        except BaseException as error:  # noqa: BLE001 - the callers get it
            found.set_exception(error)
        finally:
            del self._under_way[what]


def _no_answer() -> StoreUnavailable:
    return StoreUnavailable(f"the store has not answered for {TIMEOUT:g} s")
