"""Forks: what threads share stays usable in a child, which inherits it as it is at that moment."""

from __future__ import annotations

import _imp
import os
import stat
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import _bootstrap
from typing import Any, Generic, Protocol, TypeVar

__all__ = [
    "ForkAware",
    "PerProcess",
    "Process",
    "ProcessLock",
    "ProcessSemaphore",
    "Sockets",
    "register",
    "this_process",
    "without_forks",
]

T = TypeVar("T")

REST_TIMEOUT_S = 5.0
"""How long a fork waits until other threads have imported, or made, what they are busy with. No
longer: one of them may run the whole program in an import, or wait for the thread that forks."""

Process = tuple[int, int]
"""A process: how many forks lie between it and the first of its ancestors, and its id."""

_forks = 0


def this_process() -> Process:
    """Return what distinguishes this process from its ancestors and its children.

    The process id alone does not: in a namespace of its own, a child may have its parent's id.
    """
    return _forks, os.getpid()


class PerProcess(Generic[T]):
    """A value of which each process has its own: a forked child makes a new one.

    Args:
        make: Makes the value of a process, when it is first needed there.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[Process, T] = {}

    def get(self) -> T:
        """Return the value of this process."""
        here = this_process()
        if here not in self._values:
            self._values.setdefault(here, self._make())
        return self._values[here]

    def pop(self) -> T | None:
        """Return the value of this process, or None if it has none; `get` makes a new one then."""
        return self._values.pop(this_process(), None)


class ProcessLock(PerProcess[threading.Lock]):
    """A lock among the threads of one process: ``with lock.get():``.

    An ordinary lock stays locked in a forked child for ever if another thread held it at the fork.
    """

    # It has no __exit__ of its own, written in Python: an interrupt at the beginning of that would
    # leave the lock locked for ever. The lock's own __exit__ runs no Python code.

    def __init__(self) -> None:
        super().__init__(threading.Lock)


class ProcessSemaphore(PerProcess[threading.BoundedSemaphore]):
    """A semaphore for the threads of one process; in a forked child it is free.

    Args:
        number: How many threads may hold it at the same time.
    """

    def __init__(self, number: int) -> None:
        super().__init__(partial(threading.BoundedSemaphore, number))


class ForkAware(Protocol):
    """Something that is told before and after each fork of this process."""

    def before_fork(self) -> None:
        """Finish what must not be interrupted, and begin nothing until `after_fork`."""

    def after_fork(self) -> None:
        """Continue; called in the parent and in the child, by the thread that forked."""


_watched: weakref.WeakSet[ForkAware] = weakref.WeakSet()
_lock = threading.RLock()  # a signal handler may fork while its thread registers a resource
_resting: list[ForkAware] = []
_is_ready = False
_making = threading.RLock()


def register(resource: ForkAware) -> None:
    """Call ``resource`` before and after every fork, as long as it lives."""
    with _lock:
        _watched.add(resource)


class Sockets:
    """Connections of a library; in a forked child their sockets lead nowhere.

    A driver sends a farewell over each connection that it drops, such as at the end of a child. It
    recognises a child by its process id, which may equal the parent's. Without this class, the
    parent's connection would then be closed.

    Args:
        descriptor: Returns the number of a connection's socket; may raise if it has none.
    """

    def __init__(self, descriptor: Callable[[Any], int]) -> None:
        self._descriptor = descriptor
        self._process = this_process()
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()
        register(self)

    def add(self, connection: object) -> None:
        """Watch a connection as long as it lives."""
        self._open.add(connection)

    def before_fork(self) -> None:
        """Do nothing."""

    def after_fork(self) -> None:
        """In a child, disconnect the inherited connections from the parent's sockets."""
        if self._process == this_process():
            return
        self._process, inherited, self._open = this_process(), self._open, weakref.WeakSet()
        for connection in list(inherited):
            with suppress(Exception):  # it is closed already
                _lead_nowhere(self._descriptor(connection))


def _lead_nowhere(descriptor: int) -> None:
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(nowhere, descriptor, inheritable=False)
        os.close(nowhere)


@contextmanager
def without_forks() -> Iterator[None]:
    """Let no thread fork during the block, which must be short.

    It is for calls that take a library's locks, such as OpenSSL's: they would stay locked in a
    child.
    """
    with _making:
        yield


def _before() -> None:
    global _is_ready  # noqa: PLW0603 - there is one
    # Python does not free the locks of modules in a child. At its first refresh, look-up of a host
    # or connection, the child would wait for ever for an import by a thread that it does not have.
    until = time.monotonic() + REST_TIMEOUT_S
    while _others_import() and time.monotonic() < until:
        time.sleep(0.001)
    _making.acquire(timeout=max(0.0, until - time.monotonic()))
    _lock.acquire()
    for resource in list(_watched):
        resource.before_fork()
        _resting.append(resource)
    _imp.acquire_lock()  # now no thread begins another import
    while _others_import() and time.monotonic() < until:
        _imp.release_lock()  # an import that is under way needs it again and again
        time.sleep(0.001)
        _imp.acquire_lock()
    _is_ready = True


def _after() -> None:
    global _is_ready  # noqa: PLW0603 - as above
    _is_ready = False
    _imp.release_lock()
    while _resting:
        _resting.pop().after_fork()
    _lock.release()
    with suppress(RuntimeError):  # it could not be taken in time
        _making.release()


def _after_in_child() -> None:
    global _forks, _making  # noqa: PLW0603 - there is one of each
    _forks += 1
    if not _is_ready:  # a server written in C has forked, and calls Python in the child only
        _before()
    _after()
    _making = threading.RLock()


def _others_import() -> bool:
    """Return True if another thread imports a module."""
    own = threading.get_ident()
    locks: dict[str, Any] = getattr(_bootstrap, "_module_locks", {})
    held = (lock() for lock in list(locks.values()))
    return any(getattr(lock, "owner", None) not in (None, own) for lock in held)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
