"""What the locks around refreshing and offloading guard: see `test_locks`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from evergrant._concurrency import offload
from evergrant._concurrency.offload import ThreadBridge
from evergrant._core import refresher
from evergrant._core.manager import TokenManager
from evergrant.accounts import Accounts
from evergrant.clock import utc_now
from evergrant.stores.leases import Lease
from evergrant.stores.memory import MemoryStore
from evergrant.token import Token
from tests.support.concurrency.acts import Count, equal
from tests.support.concurrency.stepping import Scene, step_through
from tests.support.keeper.saver_scene import ALICE, HOUR, NOW


class Pool:
    """Stands in for a pool: what is submitted waits, and is cancelled at its end."""

    def __init__(self, *_: object, **__: object) -> None:
        self.submitted: list[Future[Any]] = []
        POOLS.append(self)

    def submit(self, *_: object) -> Future[Any]:
        self.submitted.append(Future())
        return self.submitted[-1]

    def shutdown(self, **_: object) -> None:
        for work in self.submitted:
            work.cancel()


POOLS: list[Pool] = []


@pytest.fixture
def new_offload(monkeypatch: pytest.MonkeyPatch) -> Callable[[], ThreadBridge]:
    monkeypatch.setattr(offload, "ThreadPoolExecutor", Pool)

    def new() -> ThreadBridge:
        POOLS.clear()
        return ThreadBridge(1, "test", holds_loop=False)

    return new


def test_tasks_of_two_loops_share_one_call(new_offload: Callable[[], ThreadBridge]) -> None:
    def scene() -> Scene:
        it, flights = new_offload(), list[Any]()

        def join() -> None:
            flights.append(it._join("a", Count()))

        def check() -> None:
            (pool,) = POOLS
            equal((len(pool.submitted), 1), ([flight.waiting for flight in flights], [2, 2]))

        return Scene(join, join, check)

    step_through(scene, offload)


def test_work_that_no_task_waits_for_any_more_is_left(
    new_offload: Callable[[], ThreadBridge],
) -> None:
    def scene() -> Scene:
        it = new_offload()
        flight = it._join("a", Count())
        it._join("a", Count())
        flight.work.set_result(None)

        def leave() -> None:
            asyncio.run(it._outcome(flight))

        return Scene(leave, leave, lambda: equal((flight.waiting, 0)))

    step_through(scene, offload, within=("_outcome",), opcodes=True)


def test_work_that_begins_while_other_work_ends_can_be_shared(
    new_offload: Callable[[], ThreadBridge],
) -> None:
    def scene() -> Scene:
        it = new_offload()
        done, begun = it._join("a", Count()), list[Any]()
        return Scene(
            lambda: done.work.set_result(None),
            lambda: begun.append(it._join("a", Count())),
            lambda: equal((it._calls.get(), {"a": begun[0]})),
        )

    step_through(scene, offload)


def test_what_is_asked_while_it_is_closed_is_refused_or_ended(
    new_offload: Callable[[], ThreadBridge],
) -> None:
    def scene() -> Scene:
        it = new_offload()

        def join() -> None:
            with suppress(RuntimeError):
                it._join("a", Count())

        def check() -> None:
            assert all(work.done() for pool in POOLS for work in pool.submitted)

        return Scene(join, lambda: it.close(0.0), check)

    step_through(scene, offload)


class Crowded(MemoryStore):
    """A store whose leases others have at first; notes how many ask it at the same time."""

    def __init__(self) -> None:
        super().__init__(clock=utc_now)
        self.inside = self.most = 0
        self._asked: set[str] = set()
        self._numbers = count()

    def visit(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.inside -= 1

    def _wait_counter(self) -> int:
        return next(self._numbers)

    def lease(self, id_: str, ttl: float) -> Lease:
        if id_ not in self._asked:
            self._asked.add(id_)
            return Lease(held=False, extend=lambda: False, release=lambda: None)
        self.visit()
        return Lease.unshared()

    def find_token_by_id(self, id: str) -> Token | None:  # noqa: A002 - the store's own name
        found = super().find_token_by_id(id)
        if refresher.RETRY_LEASE_S:
            self.visit()
        return found


@pytest.mark.parametrize("look_again", [0.0, 60.0], ids=["lease", "read"])
def test_those_who_wait_ask_the_store_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, look_again: float
) -> None:
    monkeypatch.setattr(refresher, "RETRY_LEASE_S", look_again)

    def scene() -> Scene:
        store = Crowded()
        manager = TokenManager(store, Accounts(), lifeboat=tmp_path)
        saved = [
            store.save_token(
                replace(ALICE, user_name=name, refresh_token=name, expires_at=utc_now() + HOUR)
            )
            for name in ("alice", "bob")
        ]
        one, other = (replace(token, expires_at=NOW) for token in saved)
        return Scene(
            lambda: manager.upkeep.ensure_row_valid(one),
            lambda: manager.upkeep.ensure_row_valid(other),
            lambda: equal((store.most, 1)),
        )

    step_through(scene, sys.modules[__name__], within=("visit",))
