"""Several processes share a file: Zoho is asked once, whatever happens to one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evergrant import Keeper
from evergrant._core import refresher
from evergrant.sandbox import Sandbox

Count = Callable[[], int]
Expired = Callable[[str], None]
InProcesses = Callable[..., list[dict[str, Any]]]

ALICE, BOB = "alice@example.com", "bob@example.com"


def wait_for_leases(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set how long a Keeper waits for another's lease before it goes on without."""
    monkeypatch.setattr(refresher, "MAX_REFRESH_TIME_S", seconds)


@pytest.mark.parametrize(
    "store_url", ["sqlite:///{}/tokens.db", "file://{}/tokens.csv"], indirect=True
)
@pytest.mark.parametrize(("processes", "threads"), [(2, 1), (4, 4)])
def test_processes_and_threads_cost_one_refresh_per_user(
    zoho: Sandbox,
    keeper: Keeper,
    expired: Expired,
    refreshes: Count,
    in_processes: InProcesses,
    processes: int,
    threads: int,
) -> None:
    users = [ALICE, BOB]
    for user in users:
        expired(user)
    zoho.faults.latency(0.1)
    reports = in_processes(processes, users=users, threads=threads)
    now = {user: [keeper.access_token(user)] for user in users}
    assert reports == [now] * processes
    assert refreshes() == 2


def test_a_revoked_grant_is_an_error_in_each_process(
    zoho: Sandbox, expired: Expired, refreshes: Count, in_processes: InProcesses
) -> None:
    expired(ALICE)
    zoho.revoke(ALICE)
    assert in_processes(2, users=[ALICE], threads=4) == [{ALICE: ["LoginRequired"]}] * 2
    assert refreshes() <= 2


def test_killed_between_grant_and_save_costs_a_refresh_and_no_login(
    zoho: Sandbox,
    keeper: Keeper,
    expired: Expired,
    refreshes: Count,
    in_processes: InProcesses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expired(ALICE)
    assert in_processes(1, users=[ALICE], die_before_saving=True) == [{}]
    assert refreshes() == 1
    wait_for_leases(monkeypatch, seconds=0.05)
    assert keeper.access_token(ALICE) == keeper.find(ALICE).access_token
    assert refreshes() == 2


def test_a_lease_that_nobody_gives_back_locks_nobody_out(
    keeper: Keeper, expired: Expired, refreshes: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired(ALICE)
    lease = keeper.store.lease(keeper.find(ALICE).id or "", ttl=3600)
    assert lease
    wait_for_leases(monkeypatch, seconds=0.05)
    assert keeper.access_token(ALICE)
    assert refreshes() == 1


@pytest.mark.parametrize(
    "store_url", ["sqlite:///{}/tokens.db", "file://{}/tokens.csv"], indirect=True
)
def test_those_who_waited_for_a_failure_share_it(
    zoho: Sandbox, expired: Expired, refreshes: Count, in_processes: InProcesses, store_url: str
) -> None:
    expired(ALICE)
    zoho.faults.server_error(times=None)
    zoho.faults.latency(0.5)
    assert in_processes(4, users=[ALICE], threads=2) == [{ALICE: ["AccountsUnavailable"]}] * 4
    # Three attempts of the one who asked; one more who came a moment too late for its answer.
    assert refreshes() <= 6
