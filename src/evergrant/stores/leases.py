"""Leases (the right to refresh one token for a while), and how to wait for another's to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Self

from evergrant._fork import ProcessLock

__all__ = ["POLL_S", "Lease", "LeaseRecord", "Watch", "is_active", "try_grant"]

POLL_CHANGE_S = 0.005
"""Seconds between two looks at the store's change counter, which is cheap to read."""

POLL_S = 0.05
"""Seconds between two looks at the store itself, if it has no change counter."""

LeaseRecord = tuple[str, int, int]
"""A lease as a store records it: its holder, when it was granted, and when it ends."""


def is_active(since: int, until: int, now: int) -> bool:
    """Return True if a lease granted at ``since`` keeps others out at ``now`` (epoch milliseconds).

    Clocks may differ by as much as the lease is long. If it was granted further in the future
    than that, the clock was set back since, and waiting for its end could take as long.
    """
    return since - (until - since) <= now < until


def try_grant(leases: dict[str, LeaseRecord], id_: str, owner: str, now: int, ttl: float) -> bool:
    """Record a lease unless another owner's is active; return True if it was recorded.

    Args:
        now: Epoch milliseconds.
        ttl: Seconds.
    """
    held = leases.get(id_)
    if held and held[0] != owner and is_active(held[1], held[2], now):
        return False
    leases[id_] = (owner, now, now + int(ttl * 1000))
    return True


class Lease:
    """What `TokenStore.lease` returns; true while the lease is held.

    A lease is only a hint: its holder may be paused past its end without noticing. The
    compare-and-swap of the save keeps a late holder from overwriting a newer token.

    Args:
        held: Whether the lease was granted.
        extend: Asks the store for the same lease again; returns True if it was granted.
        release: Gives the lease back to the store.

    Attributes:
        held: Whether the lease was granted, and has not been lost or released since.
    """

    def __init__(
        self, *, held: bool, extend: Callable[[], bool], release: Callable[[], None]
    ) -> None:
        self.held = held
        self._extend = extend
        self._release = release
        self._lock = ProcessLock()

    @classmethod
    def unshared(cls) -> Self:
        """Return a lease that no store records, for a store that cannot record leases."""
        return cls(held=True, extend=lambda: True, release=lambda: None)

    def __bool__(self) -> bool:
        return self.held

    def extend(self) -> bool:
        """Start the lease's time again from now; return False if another owner has taken it.

        Safe to call from another thread while the holder works.
        """
        # Locked: else it could be granted again after its release, with no holder to release it.
        with self._lock.get():
            self.held = self.held and self._extend()
            return self.held

    def release(self) -> None:
        """Give the lease back, if it is held; does nothing the second time."""
        with self._lock.get():
            held, self.held = self.held, False
            if held:
                self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


class Watch:
    """Waits for the next change of a store. It misses none that happens after it was made.

    Args:
        counter: Returns a value that differs after a change, or None if the store cannot tell.
    """

    def __init__(self, counter: Callable[[], Hashable]) -> None:
        self._counter = counter
        self._seen = counter()

    def wait(self, seconds: float) -> None:
        """Return when the store has changed, or may have, but after ``seconds`` at the latest."""
        if self._seen is None:
            time.sleep(min(seconds, POLL_S))
            return
        until = time.monotonic() + seconds
        while (now := self._counter()) == self._seen and time.monotonic() < until:
            time.sleep(POLL_CHANGE_S)
        self._seen = now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop watching."""
