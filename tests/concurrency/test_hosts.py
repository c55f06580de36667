"""Three hosts on one store, in network namespaces; one of them is cut off in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy.engine import make_url

from evergrant import Accounts, Keeper, open_store
from evergrant.sandbox import Sandbox
from tests.support.faults.holders_and_askers import BUSY, LATER
from tests.support.processes.network_hosts import Host, hosts
from tests.support.soak import Soak
from tests.support.waiting import until

ALICE = "alice@example.com"
LEASE = 3.0
"""Seconds; the usual ones would make these tests long."""

STORES = [
    pytest.param(kind, marks=pytest.mark.xdist_group(f"hosts-{kind}"))
    for kind in ("postgresql", "mariadb", "redis")
]


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param).url
    return url


@pytest.fixture
def three(store_url: str, zoho: Sandbox, tmp_path: Path) -> Iterator[list[Host]]:
    """Three hosts, each with a program that has nothing at hand; Alice's token has expired."""
    app = zoho.client
    with (
        open_store(store_url) as store,
        Accounts(app.client_id, app.client_secret, data_centers=zoho.data_centers) as accounts,
        Keeper(store, accounts, lifeboat=tmp_path / "boat") as keeper,
    ):
        keeper.login_with_code(zoho.grant_code(ALICE, self_client=True))
        expire(store_url)
    silence = [["evergrant.stores.sql.read_timeout", "SILENCE", 1.0]]
    scene: dict[str, Any] = {
        "zoho": zoho.url, "client_id": app.client_id,
        "client_secret": str.__str__(app.client_secret), "user": ALICE, "lease": LEASE,
        "store": patient(store_url), "patience": silence,
    }  # fmt: skip
    with hosts(3, [port_of(store_url), port_of(zoho.url)]) as made:
        for number, host in enumerate(made):
            host.start(scene | {"lifeboat": str(tmp_path / f"boat{number}")})
        for host in made:
            host.wait_until_ready()
        yield made


def patient(url: str) -> str:
    """Let a store give a silent server up sooner than it usually would."""
    options = {
        "mysql": "read_timeout=1&write_timeout=1&connect_timeout=1",
        "postgresql": "connect_timeout=2",
        "redis": "timeout=1",
    }[url.partition(":")[0].partition("+")[0]]
    return f"{url}{'&' if '?' in url else '?'}{options}"


def expire(url: str) -> None:
    from dataclasses import replace

    from evergrant.clock import utc_now

    with open_store(url) as store:
        (token,) = store.get_tokens()
        store.save_token(replace(token, expires_at=utc_now()), expected_version=token.version)


def ask_and_wait_for_zoho(host: Host, zoho: Sandbox) -> None:
    """Let a host begin a refresh; return when it holds the lease, and Zoho takes its time."""
    zoho.faults.latency(4.0, times=1)
    host.say(do="token")
    until(lambda: not zoho.faults._plans)


def until_answered(host: Host) -> str:
    """Ask until the host's program gets over what was; return the token."""
    give_up = time.monotonic() + 40
    while (answer := str(host.do(do="token")["got"][0])).startswith("!"):
        assert time.monotonic() < give_up, answer
        time.sleep(0.2)
    return answer


def note(soak: Soak, scenario: str, url: str, answers: list[dict[str, Any]]) -> None:
    """Hold how long the other hosts waited against the lease."""
    longest = max(answer["took"] for answer in answers)
    assert longest <= LEASE + LATER + (0 if soak.full else BUSY)
    kind = url.partition(":")[0].partition("+")[0]
    soak.note(scenario, store=kind, lease_s=LEASE, longest_takeover_s=round(longest, 2))


def works(zoho: Sandbox, token: str) -> bool:
    headers = {"Authorization": f"Zoho-oauthtoken {token}"}
    return httpx2.get(f"{zoho.url}/crm/v8/users", headers=headers).status_code == 200


def port_of(url: str) -> int:
    port = make_url(url).port
    assert port
    return port


def refreshes(zoho: Sandbox) -> int:
    return zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token")


def stored(url: str) -> str:
    with open_store(url) as store:
        (token,) = store.get_tokens()
        return str.__str__(token.access_token or "")


def test_one_refresh_for_all_hosts(three: list[Host], zoho: Sandbox, store_url: str) -> None:
    zoho.faults.latency(0.3)
    for host in three:
        host.say(do="token", threads=8)
    answers = [host.hear()["got"] for host in three]
    assert answers == [[stored(store_url)]] * 3
    assert refreshes(zoho) == 1


def test_a_host_that_is_cut_off_in_the_middle_of_its_refresh_holds_nobody_up(
    three: list[Host], zoho: Sandbox, store_url: str, soak: Soak
) -> None:
    first, *others = three
    ask_and_wait_for_zoho(first, zoho)
    first.cut()
    for host in others:
        host.say(do="token", threads=4)
    answers = [host.hear() for host in others]
    token = stored(store_url)
    assert [answer["got"] for answer in answers] == [[token]] * 2
    assert refreshes(zoho) <= 2
    note(soak, "a host is cut off in the middle of its refresh", store_url, answers)
    first.heal()
    late = first.hear()
    assert late["got"] == [token] or late["got"][0].startswith("!"), late
    assert stored(store_url) == token, "a late answer does not take the newer one's place"
    assert first.do(do="token")["got"] == [token]
    assert refreshes(zoho) <= 2


def test_a_host_that_loses_the_store_before_it_can_save_loses_no_token(
    three: list[Host], zoho: Sandbox, store_url: str, soak: Soak
) -> None:
    """Zoho's answer reaches it, and it cannot save that: somebody else takes over."""
    first, *others = three
    ask_and_wait_for_zoho(first, zoho)
    first.cut(port_of(store_url))
    for host in others:
        host.say(do="token", threads=4)
    answers = [host.hear() for host in others]
    theirs = stored(store_url)
    assert [answer["got"] for answer in answers] == [[theirs]] * 2
    assert first.hear()["got"] == ["!TokenNotSaved"]
    assert refreshes(zoho) == 2
    note(soak, "a host loses the store before it can save", store_url, answers)
    first.heal()
    healed = until_answered(first)
    # The later of the two grants, whoever has it: both work, and every host comes to hand it out.
    assert healed == stored(store_url)
    assert works(zoho, healed)
    assert works(zoho, theirs)
    for host in three:
        assert works(zoho, until_answered(host))
    assert refreshes(zoho) == 2


def test_a_host_that_is_cut_off_serves_what_it_has_and_heals(
    three: list[Host], zoho: Sandbox
) -> None:
    first, second, _ = three
    (token,) = first.do(do="token")["got"]
    assert second.do(do="token")["got"] == [token]
    first.cut()
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        assert first.do(do="token")["got"] == [token]
    second.do(do="revoke")
    first.heal()
    until(lambda: first.do(do="token")["got"] == ["!TokenNotFound"])


def test_a_caller_on_a_host_that_is_cut_off_is_told_in_time(three: list[Host]) -> None:
    first, *_ = three
    first.cut()
    answer = first.do(do="token")
    assert answer["got"] == ["!StoreUnavailable"]
    assert answer["took"] < 60
    first.heal()
    until_answered(first)
