"""A slow refresh keeps its lease; one that ended, or takes for ever, does not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from evergrant._core import lease_heartbeat
from evergrant._core.lease_heartbeat import LeaseHeartbeat
from evergrant.errors import StoreUnavailable
from evergrant.stores.leases import Lease
from tests.support.waiting import until

BEAT = 0.02


class CountedLease:
    """A lease that counts how often it is extended."""

    def __init__(self) -> None:
        self.extended = 0
        self.lease = Lease(held=True, extend=self._extend, release=lambda: None)

    def _extend(self) -> bool:
        self.extended += 1
        return True


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lease_heartbeat, "EXTEND_EVERY_S", BEAT)
    yield
    time.sleep(2 * BEAT)


def until_extended(counted: CountedLease, times: int) -> None:
    until(lambda: counted.extended >= times)


def test_a_lease_is_extended_while_its_refresh_runs() -> None:
    heart, slow = LeaseHeartbeat(), CountedLease()
    with heart.extending(slow.lease):
        until_extended(slow, 3)
    ended = slow.extended
    time.sleep(4 * BEAT)
    assert slow.extended <= ended + 1, "one may have been under way"


def test_the_thread_ends_with_the_work_and_begins_with_it_again() -> None:
    heart = LeaseHeartbeat()
    for _ in range(2):
        counted = CountedLease()
        with heart.extending(counted.lease):
            until_extended(counted, 1)
        until(lambda: not heart._beats.get().thread)


def test_an_interrupt_while_the_thread_begins_ends_no_later_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = threading.Thread.start

    def interrupt(_: threading.Thread) -> None:
        monkeypatch.setattr(threading.Thread, "start", real)
        raise KeyboardInterrupt

    heart, counted = LeaseHeartbeat(), CountedLease()
    monkeypatch.setattr(threading.Thread, "start", interrupt)
    with pytest.raises(KeyboardInterrupt), heart.extending(CountedLease().lease):
        pass
    with heart.extending(counted.lease):
        until_extended(counted, 1)


def test_what_takes_for_ever_loses_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_heartbeat, "MAX_REFRESH_TIME_S", 2 * BEAT)
    heart, stuck, other = LeaseHeartbeat(), CountedLease(), CountedLease()
    with heart.extending(stuck.lease):
        time.sleep(3 * BEAT)
        ended = stuck.extended
        give_up = time.monotonic() + 30
        while not other.extended:  # one that the machine's load delays is too old as well
            assert time.monotonic() < give_up
            with heart.extending(other.lease):
                time.sleep(1.5 * BEAT)
        assert stuck.extended == ended


def test_a_store_that_fails_ends_no_other_lease() -> None:
    def fail() -> bool:
        raise StoreUnavailable("the disk is gone")

    heart, fine = LeaseHeartbeat(), CountedLease()
    broken = Lease(held=True, extend=fail, release=lambda: None)
    with heart.extending(broken), heart.extending(fine.lease):
        until_extended(fine, 3)


def test_a_released_lease_is_not_extended() -> None:
    counted = CountedLease()
    assert counted.lease.extend()
    counted.lease.release()
    assert not counted.lease.extend()
    assert counted.extended == 1


def test_a_lease_that_another_has_taken_is_lost() -> None:
    given_back: list[bool] = []
    lease = Lease(held=True, extend=lambda: False, release=lambda: given_back.append(True))
    assert not lease.extend()
    lease.release()
    assert not given_back, "it is another's by now"


def test_a_forked_child_has_a_thread_of_its_own() -> None:
    heart, parents = LeaseHeartbeat(), CountedLease()
    with heart.extending(parents.lease):
        until_extended(parents, 1)
        child = os.fork()
        if child == 0:
            own, before = CountedLease(), parents.extended
            with heart.extending(own.lease):
                until_extended(own, 2)
            os._exit(int(parents.extended > before))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
