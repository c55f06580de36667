"""A policy holds for tokens that a host with another clock has stored: none is young for longer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Policy, open_store
from evergrant._core.timestamps import Timestamps
from evergrant.errors import PolicyRefused, UntrustedServer
from evergrant.sandbox import Sandbox

ALICE = "alice@example.com"
HOUR = timedelta(hours=1)
AHEAD = [timedelta(minutes=30), 24 * HOUR, 365 * 24 * HOUR]


class Hosts:
    """Makes Keepers of processes on one store; each has a clock of its own."""

    def __init__(self, zoho: Sandbox, folder: Path, stack: ExitStack) -> None:
        self._zoho, self._folder, self._stack = zoho, folder, stack

    def keeper(
        self, policy: Policy, ahead: timedelta = timedelta(0), *, has_server: bool = False
    ) -> Keeper:
        def clock() -> datetime:
            return self._zoho.clock() + ahead

        url = f"sqlite:///{self._folder}/t.db"
        accounts = Accounts(
            self._zoho.client.client_id,
            self._zoho.client.client_secret,
            redirect_url="https://app.example.com/callback",
            data_centers=self._zoho.data_centers,
            clock=clock,
        )
        store = self._stack.enter_context(open_store(url, clock=clock))
        self._stack.enter_context(accounts)
        if has_server:  # in the place of a database's, whose time is that of this Zoho
            store.storage_time = self._zoho.clock  # type: ignore[method-assign]
        keeper = Keeper(store, accounts, lifeboat=self._folder / "boat", policy=policy)
        self._stack.callback(keeper.close)
        return keeper


@pytest.fixture
def hosts(zoho: Sandbox, tmp_path: Path) -> Iterator[Hosts]:
    with ExitStack() as stack:
        yield Hosts(zoho, tmp_path, stack)


POLICIES = [
    Policy(max_age=2 * HOUR),
    Policy(idle_timeout=2 * HOUR),
    Policy(session_timeout=2 * HOUR),
]


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("policy", POLICIES, ids=["max_age", "idle_timeout", "session_timeout"])
def test_stored_by_a_clock_that_was_ahead_and_refused_in_time(
    zoho: Sandbox, hosts: Hosts, policy: Policy, ahead: timedelta
) -> None:
    hosts.keeper(policy, ahead).login_with_code(zoho.grant_code(ALICE, self_client=True))
    assert hosts.keeper(policy).access_token(ALICE), "it has its time, from when it is first seen"
    for hours in (3, 1, 19, 24 * 365):
        zoho.clock.advance(hours=hours)
        with pytest.raises(PolicyRefused):  # another process each time
            hosts.keeper(policy).access_token(ALICE)


@pytest.mark.parametrize("policy", POLICIES, ids=["max_age", "idle_timeout", "session_timeout"])
def test_a_clock_behind_that_of_the_storage_ends_nothing_and_ages_all_the_same(
    zoho: Sandbox, hosts: Hosts, policy: Policy
) -> None:
    hosts.keeper(policy).login_with_code(zoho.grant_code(ALICE, self_client=True))
    behind = hosts.keeper(policy, -24 * HOUR, has_server=True)
    for _ in range(3):
        assert behind.access_token(ALICE)
        assert hosts.keeper(policy).access_token(ALICE)
    zoho.clock.advance(hours=3)
    for keeper in (behind, hosts.keeper(policy, -24 * HOUR, has_server=True), hosts.keeper(policy)):
        with pytest.raises(PolicyRefused):
            keeper.access_token(ALICE)


def test_what_is_mended_is_stored_once(zoho: Sandbox, hosts: Hosts) -> None:
    policy = Policy(max_age=2 * HOUR)
    hosts.keeper(policy, 24 * HOUR).login_with_code(zoho.grant_code(ALICE, self_client=True))
    keeper = hosts.keeper(policy)
    assert keeper.access_token(ALICE)
    (mended,) = keeper.store.get_tokens()
    assert mended.created_at
    assert mended.created_at <= zoho.clock()
    zoho.clock.advance(minutes=30)
    assert hosts.keeper(policy).access_token(ALICE)
    (later,) = keeper.store.get_tokens()
    assert later.created_at == mended.created_at


def test_a_store_that_cannot_be_written_is_judged_all_the_same(
    zoho: Sandbox, hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = Policy(max_age=HOUR / 2)
    hosts.keeper(policy, 24 * HOUR).login_with_code(zoho.grant_code(ALICE, self_client=True))
    keeper = hosts.keeper(policy)
    monkeypatch.setattr(keeper._manager._refresher, "record_use", lambda *_: None)
    assert keeper.access_token(ALICE)
    zoho.clock.advance(minutes=45)
    with pytest.raises(PolicyRefused):
        keeper.access_token(ALICE)


@pytest.mark.parametrize("minutes", [-50, -6, 4])
def test_a_login_that_a_worker_with_another_clock_began(
    zoho: Sandbox, hosts: Hosts, minutes: int
) -> None:
    began = hosts.keeper(Policy(), timedelta(minutes=minutes))
    redirect = zoho.consent(began.authorization_url(["ZohoCRM.modules.ALL"]))
    assert hosts.keeper(Policy()).complete_login(redirect).user_name


def test_a_login_of_a_clock_that_cannot_be_gone_by_is_told_as_that(
    zoho: Sandbox, hosts: Hosts
) -> None:
    here = hosts.keeper(Policy())
    told: dict[int, UntrustedServer] = {}
    for days in (1, -1):
        there = hosts.keeper(Policy(), timedelta(days=days))
        redirect = zoho.consent(there.authorization_url(["ZohoCRM.modules.ALL"]))
        with pytest.raises(UntrustedServer) as caught:
            here.complete_login(redirect)
        told[days] = caught.value
        assert "NTP" in caught.value.hint
        assert "clocks of" in str(caught.value)
    assert "1 day, 0:00:00 in the future" in told[1].message
    assert "too long ago" not in told[1].message
    assert "too long ago: 1 day, 0:00:00" in told[-1].message


def test_an_earlier_begin_of_the_same_grant_counts(hosts: Hosts, zoho: Sandbox) -> None:
    keeper = hosts.keeper(Policy())
    token = keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
    begun = token.created_at
    assert begun
    for claimed, kept in ((begun - HOUR, begun - HOUR), (begun + HOUR, begun - HOUR)):
        other = replace(token, created_at=claimed)
        token = keeper.store.save_token(other, expected_version=token.version)
        assert token.created_at == kept


def test_a_clock_that_is_set_right_is_gone_by_again(zoho: Sandbox, hosts: Hosts) -> None:
    policy = Policy(idle_timeout=2 * HOUR)
    hosts.keeper(policy).login_with_code(zoho.grant_code(ALICE, self_client=True))
    wrong = [-24 * HOUR]
    moments = Timestamps(lambda: zoho.clock() + wrong[0], zoho.clock)
    (token,) = hosts.keeper(policy).store.get_tokens()
    assert moments.past(token, token.last_used_at) == token.last_used_at
    assert abs(moments.now() - zoho.clock()) < timedelta(seconds=5)
    wrong[0] = timedelta(0)
    assert abs(moments.now() - zoho.clock()) < timedelta(seconds=5)
