"""The processes of a storm: their callers begin at one moment, and report what each one got.

They are forked from this program once it has imported all that they need, and has no threads yet.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2  # noqa: F401 - here, and not in each process again

from evergrant import Accounts, DataCenter, DataCenters, Keeper, Token, TokenStore, open_store
from evergrant.errors import EvergrantError
from evergrant.zohocrmsdk.bridge import SDKBridge
from evergrant.zohocrmsdk.sdk_config import SDKConfig
from tests.support.processes.storms import COUNTDOWN

PATIENCE = 120.0
"""Seconds that the last process may take until it is ready."""

Scene = dict[str, Any]
Ask = Callable[[str], str | None]

fork = multiprocessing.get_context("fork")
scene: Scene = json.load(sys.stdin)
beginning = fork.Value("d", 0.0)


def announce() -> None:
    # The clock that counts from the start of the machine is one for all processes.
    beginning.value = time.monotonic() + COUNTDOWN


ready = fork.Barrier(len(scene["callers"]), announce)


@contextmanager
def keeper(store: TokenStore, known: DataCenters) -> Iterator[Ask]:
    with (
        Accounts(*scene["client"], data_centers=known) as accounts,
        Keeper(store, accounts, lifeboat=Path(scene["lifeboat"])) as keeper,
    ):
        yield keeper.access_token


@contextmanager
def bridge(store: TokenStore, known: DataCenters) -> Iterator[Ask]:
    """Ask as the bridge to Zoho's SDK does."""
    bridge = SDKBridge(store, data_centers=known, lifeboat=Path(scene["lifeboat"]))
    around = SDKConfig(f"{scene['zoho']}/oauth/v2/token", scene["zoho"])
    client_id, client_secret = scene["client"]

    def ask(user: str) -> str | None:
        asked = Token(user_name=user, client_id=client_id, client_secret=client_secret)
        answer = bridge.resolve(asked, around)
        return answer.access_token if answer else None

    yield ask
    bridge.close()


@contextmanager
def save(store: TokenStore, _known: DataCenters) -> Iterator[Ask]:
    yield lambda user: store.save_token(Token(user_name=user, access_token=f"of {user}")).id


WAYS = {"keeper": keeper, "desk": bridge, "save": save}


def call(user: str, ask: Ask, begun: threading.Event) -> tuple[str, str | None, float]:
    begun.wait()
    time.sleep(max(0.0, beginning.value - time.monotonic()))
    try:
        got = ask(user)
    except EvergrantError as error:
        got = type(error).__name__
    return user, got and str.__str__(got), time.monotonic() - beginning.value


def process(users: list[str]) -> list[tuple[str, str | None, float]]:
    """Let a process's callers ask, each for its user; return what each got."""
    known = DataCenters(DataCenter.custom(scene["zoho"], scene["zoho"], code="us"))
    begun = threading.Event()
    with (
        open_store(scene["store"]) as store,
        WAYS[scene["way"]](store, known) as ask,
        ThreadPoolExecutor(scene["threads"] or len(users)) as pool,
    ):
        calls = [pool.submit(call, user, ask, begun) for user in users]
        ready.wait(PATIENCE)
        begun.set()
        return [each.result() for each in calls]


def main() -> None:
    open_store(scene["store"]).close()  # imports the driver
    callers = scene["callers"]
    with ProcessPoolExecutor(len(callers), mp_context=fork) as pool:
        print(json.dumps(list(pool.map(process, callers))))  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
