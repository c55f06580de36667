"""Many threads want the same token at the same moment: Zoho is asked once."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from evergrant import Keeper, open_store
from evergrant.errors import EvergrantError
from evergrant.sandbox import Sandbox

Count = Callable[[], int]
Expired = Callable[[str], None]

ALICE, BOB = "alice@example.com", "bob@example.com"
CROWD = 20


def at_once(ask: Callable[[int], str], number: int = CROWD) -> Counter[str]:
    """Call ``ask`` in many threads at the same moment; count the answers and errors."""
    start = threading.Barrier(number)

    def run(index: int) -> str:
        start.wait(30)
        try:
            return ask(index)
        except EvergrantError as error:
            return type(error).__name__

    with ThreadPoolExecutor(number) as pool:
        return Counter(pool.map(run, range(number)))


def test_twenty_threads_cost_one_refresh_and_get_one_token(
    zoho: Sandbox, keeper: Keeper, expired: Expired, refreshes: Count
) -> None:
    expired(ALICE)
    zoho.faults.latency(0.05)
    ((token, number),) = at_once(lambda _: keeper.access_token(ALICE)).items()
    assert number == CROWD
    assert token == keeper.find(ALICE).access_token
    assert refreshes() == 1


def test_each_user_costs_one_refresh(
    zoho: Sandbox, keeper: Keeper, expired: Expired, refreshes: Count
) -> None:
    users = [ALICE, BOB, "dora@example.com"]
    zoho.add_user("dora@example.com")
    for user in users:
        expired(user)
    got = at_once(lambda index: keeper.access_token(users[index % 3]), 21)
    assert sorted(got.values()) == [7, 7, 7]
    assert refreshes() == 3
    for user in users:
        assert zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token", user=user) == 1


def test_two_keepers_on_one_store_cost_one_refresh(
    zoho: Sandbox, new_keeper: Callable[[], Keeper], expired: Expired, refreshes: Count
) -> None:
    expired(ALICE)
    zoho.faults.latency(0.05)
    keepers = [new_keeper(), new_keeper()]
    got = at_once(lambda index: keepers[index % 2].access_token(ALICE))
    assert list(got.values()) == [CROWD]
    assert refreshes() == 1


@pytest.mark.parametrize(
    ("trouble", "error", "requests"),
    [
        (lambda zoho: zoho.faults.throttle(times=None), "Throttled", 1),
        (lambda zoho: zoho.revoke(ALICE), "LoginRequired", 1),
    ],
)
def test_a_refusal_of_one_is_the_refusal_of_all(
    zoho: Sandbox,
    keeper: Keeper,
    expired: Expired,
    refreshes: Count,
    trouble: Callable[[Sandbox], object],
    error: str,
    requests: int,
) -> None:
    expired(ALICE)
    trouble(zoho)
    zoho.faults.latency(0.05)
    assert at_once(lambda _: keeper.access_token(ALICE)) == {error: CROWD}
    assert at_once(lambda _: keeper.access_token(ALICE)) == {error: CROWD}
    assert refreshes() == requests


def test_a_token_that_the_api_rejected_is_refreshed_once_for_all(
    zoho: Sandbox, keeper: Keeper, expired: Expired, refreshes: Count
) -> None:
    expired(ALICE)
    rejected = keeper.token(ALICE)
    zoho.faults.latency(0.05)

    def refresh(_: int) -> str:
        value = keeper.replace_rejected(ALICE, rejected).access_token
        return value.reveal() if value else ""  # type: ignore[attr-defined]

    ((token, number),) = at_once(refresh).items()
    assert (number, refreshes()) == (CROWD, 2)
    assert token != rejected.access_token


def test_a_grant_that_cannot_be_saved_is_asked_for_once_and_lost_by_nobody(
    zoho: Sandbox,
    keeper: Keeper,
    expired: Expired,
    refreshes: Count,
    store_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0,))
    expired(ALICE)
    zoho.faults.latency(0.05)
    with (
        open_store(f"{store_url}?timeout=0") as impatient,
        closing(sqlite3.connect(tmp_path / "tokens.db")) as other,
    ):
        keeper = Keeper(impatient, keeper.accounts, lifeboat=tmp_path)
        other.execute("BEGIN IMMEDIATE")
        first = at_once(lambda _: keeper.access_token(ALICE))
        second = at_once(lambda _: keeper.access_token(ALICE))
        other.rollback()
        assert first["TokenNotSaved"] >= 1
        assert set(first) - {"TokenNotSaved"} <= set(second)
        assert list(second.values()) == [CROWD]
        assert refreshes() == 1
        assert keeper.access_token(ALICE) in second


def test_readers_beside_a_writer_never_miss_the_token(
    zoho: Sandbox, keeper: Keeper, new_keeper: Callable[[], Keeper], expired: Expired
) -> None:
    expired(ALICE)
    keeper.access_token(ALICE)
    reader, done = new_keeper(), threading.Event()

    def read(index: int) -> str:
        if index == 0:
            for _ in range(9):
                keeper.refresh(ALICE)
            done.set()
        reads = 0
        while not done.is_set() or reads < 50:
            assert reader.access_token(ALICE)
            reads += 1
        return "fine"

    assert at_once(read, 4) == {"fine": 4}


def test_a_login_during_a_refresh_wins(
    zoho: Sandbox, keeper: Keeper, expired: Expired, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired(ALICE)
    granted, go_on = threading.Event(), threading.Event()
    real = keeper.accounts.refresh

    def refresh(token: object, **options: Any) -> object:
        refreshed = real(token, **options)  # type: ignore[arg-type]
        granted.set()
        assert go_on.wait(10)
        return refreshed

    monkeypatch.setattr(keeper.accounts, "refresh", refresh)
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(keeper.token, ALICE)
        assert granted.wait(10)
        login = keeper.login_with_code(zoho.grant_code(ALICE))
        go_on.set()
        assert under_way.result(10).refresh_token == login.refresh_token
    assert keeper.store.get_tokens() == [login]


def test_logins_at_the_same_moment_make_one_row(
    zoho: Sandbox, keeper: Keeper, expired: Expired
) -> None:
    codes = [zoho.grant_code(ALICE) for _ in range(6)]
    got = at_once(lambda index: keeper.login_with_code(codes[index]).id or "", 6)
    (stored,) = keeper.store.get_tokens()
    assert stored.id in got
    assert keeper.refresh(ALICE).access_token
