"""Everybody at once on one token: one of them refreshes it, or gets it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from tests.support.processes.storms import COUNTDOWN, LATENCY, Answer, slowest_allowed, waits
from tests.support.sdk.process import SdkProcess, grant_of
from tests.support.sdk.stores import LASTING, OUR_TOKEN
from tests.support.soak import Soak

ALICE = "alice@example.com"
THREADS = (20, 2, 2, 2, 2, 2, 2, 2)
"""Of each process. (A crowd in all of them keeps two cores busy for longer than a lease lasts.)"""


@pytest.mark.parametrize("store", [*LASTING, OUR_TOKEN])
def test_threads_of_processes_refresh_once_between_them(
    start: Callable[..., SdkProcess], zoho: Sandbox, store: str
) -> None:
    grant = grant_of(zoho, ALICE)
    processes = [start(store) for _ in THREADS]
    for sdk in processes:
        sdk("initialize", **grant)
    zoho.clock.advance(hours=1)
    zoho.faults.latency(0.2)
    for sdk, number in zip(processes, THREADS, strict=True):
        sdk.begin("whoami_in_threads", number=number)
    assert [sdk.end() for sdk in processes] == [[ALICE] * number for number in THREADS]
    assert zoho.calls.count("/oauth/v2/token", "refresh_token") == 1
    assert zoho.calls.count("/oauth/v2/token", "authorization_code") == 1


@pytest.mark.parametrize("store", [*LASTING, OUR_TOKEN])
def test_everybody_on_one_expired_token(
    start: Callable[..., SdkProcess], zoho: Sandbox, soak: Soak, store: str
) -> None:
    grant = grant_of(zoho, ALICE)
    processes = [start(store) for _ in range(soak.rounds(3, 8))]
    for sdk in processes:
        sdk("initialize", **grant)
        sdk("whoami")
    zoho.clock.advance(hours=1)
    zoho.faults.latency(LATENCY)
    at = time.monotonic() + COUNTDOWN
    for sdk in processes:
        sdk.begin("sign_together", number=soak.rounds(4, 16), at=at)
    answers = [Answer(ALICE, *answer) for sdk in processes for answer in sdk.end()]
    (stored,) = processes[0]("get_tokens")
    assert {answer.got for answer in answers} == {stored["access_token"]}
    assert zoho.calls.count("/oauth/v2/token", "refresh_token") == 1
    soak.note("storm through Zoho's SDK", store=store, refreshes=1, **waits(answers))
    if soak.full:  # a busy machine proves nothing about time
        assert max(answer.wait for answer in answers) <= slowest_allowed(LATENCY)


@pytest.mark.parametrize("store", [*LASTING, OUR_TOKEN])
def test_processes_that_begin_with_one_code_log_in_once_between_them(
    start: Callable[..., SdkProcess], zoho: Sandbox, store: str
) -> None:
    grant = grant_of(zoho, ALICE)
    processes = [start(store) for _ in THREADS]
    for sdk in processes:
        sdk.begin("initialize", **grant)
    for sdk in processes:
        sdk.end()
    assert [sdk("whoami") for sdk in processes] == [ALICE] * len(processes)
    assert len(processes[0]("get_tokens")) == 1
