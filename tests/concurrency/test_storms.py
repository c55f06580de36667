"""Everybody at once, in all processes: Zoho is asked once, and nobody waits longer than that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from evergrant import Keeper, open_store
from evergrant.sandbox import Sandbox
from tests.support.processes.storms import LATENCY, Storm, slowest_allowed, waits
from tests.support.soak import Soak
from tests.support.stores.encrypted_stores import SEALED, key_that_is_set

Count = Callable[[], int]
Expired = Callable[..., None]
Crowd = Callable[[int], list[str]]

ALICE = "alice@example.com"

SHARED = [
    "sqlite:///{}/tokens.db",
    "file://{}/tokens.csv",
    "mariadb",
    "postgresql",
    "pgbouncer",
    "redis",
    "dynamodb",
    "sealed sqlite:///{}/tokens.db",
]
"""Every store that processes can share."""

UNDER_THE_SDK = ["sqlite:///{}/tokens.db", "file://{}/tokens.csv", "postgresql", "redis"]
"""One store of each family: the rest of the SDK's way is the Keeper's, which runs on all.
`./dev soak` runs both ways on all."""

on_every_store = pytest.mark.parametrize("store_url", SHARED, indirect=True)
both_ways = pytest.mark.parametrize(
    ("store_url", "way"),
    [(url, "keeper") for url in SHARED]
    + [(url, "desk") for url in UNDER_THE_SDK]
    + [
        pytest.param(url, "desk", marks=pytest.mark.soak_only)
        for url in SHARED
        if url not in UNDER_THE_SDK
    ],
    indirect=["store_url"],
)


def kind_of(store_url: str) -> str:
    kind = store_url.partition(":")[0].partition("+")[0]
    return f"{SEALED}{kind}" if key_that_is_set() else kind


@both_ways
def test_everybody_on_one_expired_token(
    zoho: Sandbox,
    keeper: Keeper,
    expired: Expired,
    refreshes: Count,
    storm: Storm,
    soak: Soak,
    store_url: str,
    way: str,
) -> None:
    expired(ALICE)
    zoho.faults.latency(LATENCY)
    user = str(keeper.find(ALICE).user_name)
    answers = storm(way, [[user] * soak.rounds(4, 16)] * soak.rounds(3, 8))
    assert {answer.got for answer in answers} == {keeper.access_token(ALICE)}
    assert refreshes() == 1
    soak.note(
        "storm on one token",
        store=kind_of(store_url),
        way=way,
        refreshes=refreshes(),
        **waits(answers),
    )
    if soak.full:  # a busy machine proves nothing about time
        assert max(answer.wait for answer in answers) <= slowest_allowed(LATENCY)


@both_ways
def test_everybody_on_the_expired_tokens_of_many(
    zoho: Sandbox,
    keeper: Keeper,
    crowd: Crowd,
    refreshes: Count,
    storm: Storm,
    soak: Soak,
    store_url: str,
    way: str,
) -> None:
    emails = crowd(soak.rounds(10, 200))
    zoho.faults.latency(LATENCY)
    users = [str(keeper.find(email).user_name) for email in emails]
    answers = storm(way, [users] * soak.rounds(3, 8))
    soak.note(
        "storm on many tokens",
        store=kind_of(store_url),
        way=way,
        refreshes=refreshes(),
        **waits(answers),
    )
    assert refreshes() == len(users)
    current = {user: keeper.access_token(user) for user in users}
    assert {(answer.user, answer.got) for answer in answers} == set(current.items())
    assert len(set(current.values())) == len(users)


@on_every_store
def test_processes_that_save_at_once_lose_nobody(
    storm: Storm, soak: Soak, store_url: str, zoho: Sandbox
) -> None:
    each = soak.rounds(20, 500)
    users = [
        [f"{process}-{number}" for number in range(each)] for process in range(soak.rounds(3, 8))
    ]
    answers = storm("save", users, threads=4)
    with open_store(store_url) as store:
        saved = {str(token.user_name): token.id for token in store.get_tokens()}
    assert saved == {answer.user: answer.got for answer in answers}
    assert sorted(saved) == sorted(user for those in users for user in those)
    assert len(set(saved.values())) == len(saved)
    soak.note("saves at once", store=kind_of(store_url), **waits(answers))


@both_ways
def test_nobody_waits_for_a_token_in_its_last_minutes(
    zoho: Sandbox,
    keeper: Keeper,
    expired: Expired,
    refreshes: Count,
    storm: Storm,
    soak: Soak,
    store_url: str,
    way: str,
) -> None:
    expired(ALICE, left=timedelta(minutes=3))
    before = keeper.find(ALICE)
    zoho.faults.latency(LATENCY)
    answers = storm(way, [[str(before.user_name)] * soak.rounds(4, 16)] * soak.rounds(3, 8))
    after = keeper.find(ALICE).access_token
    got = [answer.got for answer in answers]
    assert set(got) <= {before.access_token, after}
    assert got.count(str.__str__(before.access_token)) > len(got) / 2, "most came before the end"
    assert after != before.access_token
    assert refreshes() == 1
    soak.note(
        "storm in the last minutes",
        store=kind_of(store_url),
        way=way,
        refreshes=refreshes(),
        **waits(answers),
    )
    if soak.full:
        assert max(answer.wait for answer in answers) < LATENCY / 2


@pytest.mark.parametrize(
    ("trouble", "error", "requests"),
    [
        (lambda zoho: zoho.faults.server_error(times=None), "AccountsUnavailable", 3),
        (lambda zoho: zoho.faults.throttle(times=None), "Throttled", 1),
        (lambda zoho: zoho.revoke(ALICE), "LoginRequired", 1),
    ],
    ids=["down", "throttled", "revoked"],
)
@on_every_store
def test_the_failure_of_one_is_the_failure_of_all(
    zoho: Sandbox,
    expired: Expired,
    refreshes: Count,
    storm: Storm,
    soak: Soak,
    store_url: str,
    trouble: Callable[[Sandbox], object],
    error: str,
    requests: int,
) -> None:
    expired(ALICE)
    trouble(zoho)
    zoho.faults.latency(LATENCY / 2)
    answers = storm("keeper", [[ALICE] * soak.rounds(4, 16)] * soak.rounds(3, 8))
    assert {answer.got for answer in answers} == {error}
    # A process that begins late asks once more: what it would be told may have changed.
    assert refreshes() <= 2 * requests
    soak.note(
        "storm of failures",
        store=kind_of(store_url),
        error=error,
        requests=refreshes(),
        **waits(answers),
    )
