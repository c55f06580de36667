"""Stores whose leases keep nobody out, or everybody."""

from __future__ import annotations

import time
from typing import Any

from tests.contract.seeded_bugs.dict_store import DictStore, Shelf

__all__: list[str] = []

OUT = "test_a_lease_keeps_everybody_else_out"
ONE_GETS = "test_of_threads_that_ask_for_a_lease_one_gets_it"
RELEASE = "test_a_lease_is_released_by_its_holder_only"
RUNS_OUT = "test_a_lease_runs_out"
HANDLE_LEASE = "test_another_handle_respects_the_lease"

A_MOMENT = 0.002
"""Seconds in which other threads get their turn."""


class LeasesToEverybody(DictStore):
    caught_by = (OUT, ONE_GETS, RELEASE, HANDLE_LEASE)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        return True


class LeasesToNobody(DictStore):
    caught_by = (OUT, ONE_GETS)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        return False


class LeasesAllTokensAtOnce(DictStore):
    caught_by = (OUT,)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        return super()._acquire("all", owner, ttl)

    def _release(self, id_: str, owner: str) -> None:
        super()._release("all", owner)


class KeepsLeasesForever(DictStore):
    caught_by = (RUNS_OUT,)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        return super()._acquire(id_, owner, 1e6)


class NeverTakesALeaseBack(DictStore):
    caught_by = (OUT, RELEASE)

    def _release(self, id_: str, owner: str) -> None:
        pass


class LetsAnybodyRelease(DictStore):
    caught_by = (RUNS_OUT,)

    def _release(self, id_: str, owner: str) -> None:
        self.shelf.leases.pop(id_, None)


class LetsLosersRelease(LetsAnybodyRelease):
    caught_by = (RELEASE,)

    def lease(self, id: str, ttl: float) -> Any:  # noqa: A002 - the method's own name
        lease = super().lease(id, ttl)
        lease.release = lambda: self._release(id, "")  # type: ignore[method-assign]
        return lease


class LeasesWithoutALock(DictStore):
    caught_by = (ONE_GETS,)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        taken = id_ in self.shelf.leases
        time.sleep(A_MOMENT)
        return not taken and super()._acquire(id_, owner, -ttl)


class KeepsLeasesToItself(DictStore):
    caught_by = (HANDLE_LEASE,)

    def another(self) -> DictStore:
        other = super().another()
        other.shelf = Shelf()
        other.shelf.rows = self.shelf.rows
        return other
