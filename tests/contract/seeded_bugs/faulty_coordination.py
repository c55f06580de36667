"""Stores whose leases cannot be extended, and whose watches sleep."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta
from typing import Any

from evergrant.stores.leases import Watch
from tests.contract.seeded_bugs.dict_store import DictStore, Shelf

__all__: list[str] = []

LASTS = "test_a_lease_lasts_for_as_long_as_it_is_extended"
TAKEN = "test_a_lease_that_another_has_taken_is_not_extended"
ONLY_HELD = "test_only_what_is_held_is_extended"
EVERY_HANDLE = "test_extending_a_lease_is_seen_by_every_handle"
NOT_MISSED = "test_what_happens_after_a_watch_began_is_not_missed"
ENDS = "test_a_watch_ends_soon_after_what_it_waits_for"
GOES_ON = "test_a_watch_goes_on_after_it_was_woken"
NO_LONGER = "test_a_watch_waits_no_longer_than_it_is_told"

FOR_EVER = 5.0
"""Seconds; as long as the checks have patience."""


class ExtendsNoLease(DictStore):
    caught_by = (LASTS, ONLY_HELD, EVERY_HANDLE)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        held = id_ in self.shelf.leases and self.shelf.leases[id_][0] == owner
        return not held and super()._acquire(id_, owner, ttl)


class SaysThatItExtends(DictStore):
    caught_by = (LASTS,)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        held = id_ in self.shelf.leases and self.shelf.leases[id_][0] == owner
        return held or super()._acquire(id_, owner, ttl)


class ExtendsWhatAnotherHas(DictStore):
    caught_by = (TAKEN,)

    def lease(self, id: str, ttl: float) -> Any:  # noqa: A002 - the method's own name
        lease = super().lease(id, ttl)
        lease._extend = lambda: True
        return lease


class GivesALeaseBackWhenItIsExtended(DictStore):
    caught_by = (ONLY_HELD, EVERY_HANDLE)

    def lease(self, id: str, ttl: float) -> Any:  # noqa: A002 - the method's own name
        lease = super().lease(id, ttl)
        lease.extend = lease.release  # type: ignore[method-assign, assignment]
        return lease


class ExtendsForItsOwnHandleOnly(DictStore):
    caught_by = (EVERY_HANDLE,)

    def _acquire(self, id_: str, owner: str, ttl: float) -> bool:
        held = id_ in self.shelf.leases and self.shelf.leases[id_][0] == owner
        granted = super()._acquire(id_, owner, ttl)
        if held:
            self.shelf.leases[id_] = (owner, self._clock() - timedelta(seconds=1))
        return granted


class SleepsThroughAll(DictStore):
    caught_by = (NOT_MISSED,)

    def _wait_counter(self) -> Hashable:
        return 1


class HearsOfSavesOnly(DictStore):
    caught_by = (ENDS,)

    def _wait_counter(self) -> Hashable:
        return self.change_counter()


class HearsOfItsOwnHandleOnly(DictStore):
    caught_by = (NOT_MISSED,)

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__(shelf)
        self._saves = 0

    def _put(self, row: Any) -> None:
        self._saves += 1
        super()._put(row)

    def _wait_counter(self) -> Hashable:
        return self._saves


class _Late(Watch):
    """Looks for the first time when it is to wait."""

    def wait(self, seconds: float) -> None:
        self._seen = self._counter()
        super().wait(seconds)


class MissesWhatHappensBeforeItWaits(DictStore):
    caught_by = (NOT_MISSED,)

    def watch(self, id: str) -> Watch:  # noqa: A002 - the method's own name
        return _Late(self._wait_counter)


class _Slow(Watch):
    """Takes its time."""

    def wait(self, seconds: float) -> None:
        super().wait(seconds + FOR_EVER)


class WaitsForEver(DictStore):
    caught_by = (NO_LONGER,)

    def watch(self, id: str) -> Watch:  # noqa: A002 - the method's own name
        return _Slow(self._wait_counter)


class _Once(Watch):
    """Is used up when it was woken."""

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        self._counter = lambda: self._seen


class WakesOnce(DictStore):
    caught_by = (GOES_ON,)

    def watch(self, id: str) -> Watch:  # noqa: A002 - the method's own name
        return _Once(self._wait_counter)
