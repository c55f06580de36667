"""Keeps what threads share sound when the process forks: a child inherits it as it is."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["Forkable", "ProcessLock", "ProcessTurns", "watch"]


class ProcessLock:
    """A lock among the threads of one process; a forked child has its own, and finds it free.

    An ordinary lock stays locked in the child for ever if another thread held it at the fork.
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}

    def here(self) -> threading.Lock:
        """Return the lock of this process, for a ``with`` statement."""
        # Not by an __exit__ of our own: an interrupt at its beginning would leave the lock locked
        # for ever, and nothing of Python's runs in that of the lock itself.
        return self._locks.setdefault(os.getpid(), threading.Lock())


class ProcessTurns:
    """Turns of the threads of one process, so many at once; in a forked child all are free.

    Args:
        number: How many threads have a turn at the same time.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._turns: dict[int, threading.BoundedSemaphore] = {}

    def here(self) -> threading.BoundedSemaphore:
        """Return the turns of this process."""
        fresh = threading.BoundedSemaphore(self._number)
        return self._turns.setdefault(os.getpid(), fresh)


class Forkable(Protocol):
    """Something that is told before and after each fork of this process."""

    def before_fork(self) -> None:
        """Come to rest, and stay so until `after_fork`."""

    def after_fork(self) -> None:
        """Go on; called in the parent and in the child, by the thread that forked."""


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()
_lock = threading.Lock()
_resting: list[Forkable] = []


def watch(resource: Forkable) -> None:
    """Tell ``resource`` of every fork for as long as it lives."""
    with _lock:
        _watched.add(resource)


def _before() -> None:
    _lock.acquire()
    for resource in list(_watched):
        resource.before_fork()
        _resting.append(resource)


def _after() -> None:
    while _resting:
        _resting.pop().after_fork()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
