"""Leases, the right to refresh one token for a while, and the wait for another's to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Self

from evergrant._fork import ProcessLock

__all__ = ["POLL", "Lease", "LeaseRecord", "Watch", "is_active", "try_grant"]

POLL_CHANGE_S = 0.005
"""Seconds between two looks at the store's pulse, which is cheap to feel."""

POLL = 0.05
"""Seconds after which the store itself is worth a look where it has none."""

LeaseRecord = tuple[str, int, int]
"""A lease as a store notes it: its holder, when it was granted, and until when it runs."""


def is_active(since: int, until: int, now: int) -> bool:
    """Return True if a lease granted at ``since`` keeps others out at ``now`` (epoch milliseconds).

    Clocks may differ by as much as the lease is long. One that was granted later than that in the
    future shows that the clock went back since: waiting for its end could take that long.
    """
    return since - (until - since) <= now < until


def try_grant(leases: dict[str, LeaseRecord], id_: str, owner: str, now: int, ttl: float) -> bool:
    """Note a lease unless another's still runs; say whether it was noted.

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
    """What `TokenStore.lease` answers; true while it was granted.

    A lease is only a hint: its holder may be paused past its end without noticing. What keeps
    a late holder from overwriting a newer token is the compare-and-swap of the save.

    Args:
        held: Whether the lease was granted.
        extend: Asks the store for the same lease anew; says whether it was granted.
        release: Gives it back to the store.

    Attributes:
        held: Whether the lease was granted and has not been lost or released.
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
        """Return a lease that no store knows of, for one that cannot note any."""
        return cls(held=True, extend=lambda: True, release=lambda: None)

    def __bool__(self) -> bool:
        return self.held

    def extend(self) -> bool:
        """Let the lease run for its whole time again, from now; false if another has taken it.

        Safe to call from another thread while the holder works.
        """
        with (
            self._lock.for_this_process()
        ):  # or it could be granted anew after its release, and to nobody
            self.held = self.held and self._extend()
            return self.held

    def release(self) -> None:
        """Give the lease back, if it is ours; does nothing the second time."""
        with self._lock.for_this_process():
            held, self.held = self.held, False
            if held:
                self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


class Watch:
    """Waits for the next change of a store; nothing that happens after its making is missed.

    Args:
        pulse: Differs once the store has changed; None where it cannot tell.
    """

    def __init__(self, pulse: Callable[[], Hashable]) -> None:
        self._pulse = pulse
        self._seen = pulse()

    def wait(self, seconds: float) -> None:
        """Return once the store has, or may have, changed; at the latest after so many seconds."""
        if self._seen is None:
            time.sleep(min(seconds, POLL))
            return
        until = time.monotonic() + seconds
        while (now := self._pulse()) == self._seen and time.monotonic() < until:
            time.sleep(POLL_CHANGE_S)
        self._seen = now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop watching."""
