"""Hosts that disagree about time share a store: they do not fight, and keep to Zoho's limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, open_store
from evergrant.errors import LoginRequired, Throttled
from evergrant.events import ClockSkew, Event
from evergrant.sandbox import Sandbox

Count = Callable[[], int]

ALICE = "alice@example.com"
DAY = timedelta(days=1)
SKEWS = [timedelta(minutes=5), timedelta(hours=1), DAY, 365 * DAY]


class Host:
    """A process with a clock of its own, on the store that all share."""

    def __init__(self, zoho: Sandbox, url: str, boat: Path, stack: ExitStack) -> None:
        self.wrong = timedelta(0)
        self.events: list[Event] = []
        self._zoho = zoho
        store = stack.enter_context(open_store(url, clock=self.clock))
        accounts = Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            clock=self.clock,
        )
        stack.enter_context(accounts)
        self.keeper = Keeper(store, accounts, on_event=self.events.append, lifeboat=boat)
        stack.callback(self.keeper.close)

    def clock(self) -> datetime:
        return self._zoho.clock() + self.wrong

    def works(self) -> bool:
        token = self.keeper.access_token(ALICE)
        return self._zoho._state.grants.access_token(token, self._zoho.clock()) is not None


@pytest.fixture(params=["sqlite", "file"])
def hosts(zoho: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[Host]]:
    url = {"sqlite": f"sqlite:///{tmp_path}/t.db", "file": f"file://{tmp_path}/t.csv"}
    with ExitStack() as stack:
        pair = [Host(zoho, url[request.param], tmp_path / f"b{n}", stack) for n in range(2)]
        pair[0].keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
        yield pair


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("sign", [1, -1])
def test_two_hosts_that_disagree_do_not_refresh_in_turns(
    zoho: Sandbox, hosts: list[Host], refreshes: Count, skew: timedelta, sign: int
) -> None:
    hosts[1].wrong = sign * skew
    for _ in range(15):
        assert all(host.works() for host in hosts)
    assert refreshes() <= 2
    for _ in range(6):
        zoho.clock.advance(minutes=20)
        for _ in range(5):
            assert all(host.works() for host in hosts)
    assert refreshes() <= 10


def test_who_disagrees_is_told(zoho: Sandbox, hosts: list[Host]) -> None:
    hosts[1].wrong = DAY
    for _ in range(5):
        for host in hosts:
            host.keeper.access_token(ALICE)
    told = [event for event in hosts[0].events if isinstance(event, ClockSkew)]
    assert len(told) == 1
    assert abs(told[0].seconds - 86_400) < 60
    assert told[0].as_dict()["seconds"] == told[0].seconds


def test_a_dead_grant_is_dead_whatever_the_time(zoho: Sandbox, hosts: list[Host]) -> None:
    hosts[1].wrong = DAY
    for _ in range(3):
        assert all(host.works() for host in hosts)
    zoho.revoke(ALICE)
    with pytest.raises(LoginRequired):
        hosts[1].keeper.refresh(ALICE)
    for host in hosts:
        with pytest.raises(LoginRequired):
            host.keeper.access_token(ALICE)


def test_ten_refreshes_by_a_clock_ahead_throttle_no_longer_than_they_should(
    zoho: Sandbox, hosts: list[Host]
) -> None:
    hosts[1].wrong = DAY
    for _ in range(10):
        hosts[1].keeper.refresh(ALICE)
    for minutes in range(1, 10):
        zoho.clock.advance(minutes=1)
        with pytest.raises(Throttled) as caught:
            hosts[0].keeper.refresh(ALICE)
        left = caught.value.retry_at - zoho.clock()
        assert left <= timedelta(minutes=11) - timedelta(minutes=minutes - 1)
    zoho.clock.advance(minutes=3)  # from when this host first saw them
    assert hosts[0].keeper.refresh(ALICE).access_token


def test_a_clock_that_stops_or_steps_serves_tokens_that_work(
    zoho: Sandbox, hosts: list[Host], refreshes: Count
) -> None:
    for wrong in (DAY, -DAY, timedelta(0), timedelta(hours=-1), timedelta(hours=1)):
        hosts[1].wrong = wrong
        for _ in range(3):
            assert all(host.works() for host in hosts)
    assert refreshes() <= 10
