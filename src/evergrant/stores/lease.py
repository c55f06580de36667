"""A lease: the right to refresh one token, for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from evergrant.forking import ProcessLock

__all__ = ["Lease", "Noted", "grant", "still_runs"]

Noted = tuple[str, int, int]
"""A lease as a store notes it: its holder, when it was granted, and until when it runs."""


def still_runs(since: int, until: int, now: int) -> bool:
    """Say whether a lease granted at ``since`` keeps others out at ``now`` (epoch milliseconds).

    Clocks may differ by as much as the lease is long. One that was granted later than that in the
    future shows that the clock went back since: waiting for its end could take that long.
    """
    return since - (until - since) <= now < until


def grant(leases: dict[str, Noted], id_: str, owner: str, now: int, ttl: float) -> bool:
    """Note a lease unless another's still runs; say whether it was noted.

    Args:
        now: Epoch milliseconds.
        ttl: Seconds.
    """
    held = leases.get(id_)
    if held and held[0] != owner and still_runs(held[1], held[2], now):
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
    def of_nobody(cls) -> Self:
        """Return a lease that no store knows of, for one that cannot note any."""
        return cls(held=True, extend=lambda: True, release=lambda: None)

    def __bool__(self) -> bool:
        return self.held

    def extend(self) -> bool:
        """Let the lease run for its whole time again, from now; false if another has taken it.

        Safe to call from another thread while the holder works.
        """
        with self._lock.here():  # or it could be granted anew after its release, and to nobody
            self.held = self.held and self._extend()
            return self.held

    def release(self) -> None:
        """Give the lease back, if it is ours; does nothing the second time."""
        with self._lock.here():
            held, self.held = self.held, False
            if held:
                self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
