"""One at a time per key: what the first one gets, the others take."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from evergrant._concurrency.single_flight import SingleFlight
from evergrant.errors import LoginRequired

CROWD = 20


def until_all_wait(flights: SingleFlight[object], number: int) -> None:
    flight = flights._calls.get()["a"]
    while len(flight._condition._waiters) < number:  # type: ignore[attr-defined]
        time.sleep(0.001)


def crowd(flights: SingleFlight[object], outcome: Callable[[], object]) -> tuple[list[object], int]:
    """Let many threads ask while the first one works; return what each got, and the runs."""
    runs: list[int] = []

    def work() -> object:
        runs.append(1)
        until_all_wait(flights, CROWD - 1)
        return outcome()

    def ask(_: int) -> object:
        try:
            return flights.do("a", work)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
            return error

    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(ask, range(CROWD))), len(runs)


def test_a_crowd_shares_one_result() -> None:
    thing = object()
    got, runs = crowd(SingleFlight(), lambda: thing)
    assert runs == 1
    assert all(one is thing for one in got)


def test_a_crowd_shares_one_error_but_not_one_traceback() -> None:
    def refuse() -> object:
        raise LoginRequired("revoked", token_id="7", code="invalid_code")

    got, runs = crowd(SingleFlight(), refuse)
    assert runs == 1
    assert {str(error) for error in got} == {str(LoginRequired("revoked", token_id="7"))}
    assert all(isinstance(one, LoginRequired) and one.code == "invalid_code" for one in got)
    assert len({id(one) for one in got}) == CROWD


def test_an_unexpected_error_reaches_everybody_too() -> None:
    got, runs = crowd(SingleFlight(), lambda: 1 / 0)
    assert runs == 1
    assert all(isinstance(one, ZeroDivisionError) for one in got)


def test_nothing_is_remembered_once_it_is_over() -> None:
    flights: SingleFlight[int] = SingleFlight()
    assert [flights.do("a", lambda n=n: n) for n in range(3)] == [0, 1, 2]  # type: ignore[misc]
    with pytest.raises(LoginRequired):
        flights.do("a", lambda: (_ for _ in ()).throw(LoginRequired("x")))
    assert flights.do("a", lambda: 7) == 7
    assert flights._calls.get() == {}


def test_two_keys_fly_at_the_same_time() -> None:
    flights: SingleFlight[str] = SingleFlight()
    both = threading.Barrier(2, timeout=10)

    def work() -> str:
        both.wait()
        return "met"

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda key: flights.do(key, work), "ab")) == ["met", "met"]


def test_an_interrupt_is_the_leaders_own_and_somebody_else_takes_the_lead() -> None:
    flights: SingleFlight[object] = SingleFlight()
    first = threading.Event()

    def interrupted() -> object:
        first.set()
        until_all_wait(flights, 1)
        raise KeyboardInterrupt

    def lead() -> object:
        with pytest.raises(KeyboardInterrupt):
            flights.do("a", interrupted)
        return None

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(lead)
        assert first.wait(10)
        follower = pool.submit(flights.do, "a", lambda: "done")
        assert follower.result(10) == "done"
        leader.result(10)


def test_an_interrupt_before_the_work_begins_leaves_no_flight_without_a_leader() -> None:
    flights: SingleFlight[str] = SingleFlight()

    @contextmanager
    def interrupted() -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flights, "_lock", SimpleNamespace(get=interrupted))
        with pytest.raises(KeyboardInterrupt):
            flights.do("a", lambda: "never done")
    assert flights.do("a", lambda: "done") == "done"


def test_work_that_asks_for_itself_is_told_so_instead_of_waiting_for_ever() -> None:
    flights: SingleFlight[object] = SingleFlight()
    with pytest.raises(RuntimeError, match="itself"):
        flights.do("a", lambda: flights.do("a", lambda: 7))
    assert flights.do("a", lambda: flights.do("b", lambda: 7)) == 7


def test_a_forked_child_does_not_wait_for_a_flight_that_it_does_not_have() -> None:
    flights: SingleFlight[object] = SingleFlight()
    in_child = os.getpid() + 1

    def in_parent() -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "getpid", lambda: in_child)
            return flights.do("a", lambda: "the child's own")

    assert flights.do("a", in_parent) == "the child's own"
