"""Everybody at once on one token: one of them refreshes it, or gets it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evergrant.sandbox import Sandbox
from sdk_process import SdkProcess, grant_of
from sdk_stores import LASTING, OUR_TOKEN

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
