"""Rounds of `evergrant keep` on hosts whose clocks differ: tokens work, nobody asks in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, open_store
from evergrant.sandbox import Sandbox

Count = Callable[[], int]

ALICE = "alice@example.com"
DAY = timedelta(days=1)


class Host:
    def __init__(self, zoho: Sandbox, folder: Path, ahead: timedelta, stack: ExitStack) -> None:
        self._zoho, self._ahead = zoho, ahead
        store = open_store(f"sqlite:///{folder}/t.db", clock=self.clock)
        accounts = Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            clock=self.clock,
        )
        self.keeper = Keeper(
            stack.enter_context(store), stack.enter_context(accounts), lifeboat=folder / "boat"
        )
        stack.callback(self.keeper.close)

    def clock(self) -> datetime:
        return self._zoho.clock() + self._ahead

    def round(self) -> None:
        self.keeper.refresh_due()
        while not self.keeper._manager.is_idle:
            pass

    def works(self) -> bool:
        stored = self.keeper.store.get_tokens()[0].access_token or ""
        return self._zoho._state.grants.access_token(stored, self._zoho.clock()) is not None


@pytest.fixture
def hosts(zoho: Sandbox, tmp_path: Path) -> Iterator[Callable[[timedelta], Host]]:
    with ExitStack() as stack:
        yield lambda ahead: Host(zoho, tmp_path, ahead, stack)


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), DAY, -DAY])
def test_two_that_keep_tokens_do_not_refresh_in_turns(
    zoho: Sandbox, hosts: Callable[[timedelta], Host], refreshes: Count, ahead: timedelta
) -> None:
    pair = [hosts(timedelta(0)), hosts(ahead)]
    pair[0].keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
    for _ in range(3 * 12):  # three hours, in rounds of five minutes
        for host in pair:
            host.round()
        assert pair[0].works()
        zoho.clock.advance(minutes=5)
    assert refreshes() <= 2 * 3 * 3


def test_who_is_left_after_a_clock_ahead_keeps_the_token_alive(
    zoho: Sandbox, hosts: Callable[[timedelta], Host]
) -> None:
    hosts(DAY).keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
    zoho.clock.advance(minutes=50)
    here = hosts(timedelta(0))  # it has never seen the token before
    for _ in range(12):
        here.round()
        zoho.clock.advance(minutes=5)
        assert here.works()
