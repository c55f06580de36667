"""Forks wherever programs fork: workers, listeners, threads at work, namespaces of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evergrant import Accounts, Keeper, TokenStore
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant._oauth.transport import HttpxTransport
from evergrant.clock import utc_now
from evergrant.events import Event
from evergrant.sandbox import Sandbox
from tests.support.waiting import until

ALICE, BOB = "alice@example.com", "bob@example.com"

WORKERS = 3

everywhere = pytest.mark.parametrize(
    "store_url",
    ["sqlite:///{}/tokens.db", "file://{}/tokens.csv", "redis", "postgresql", "mariadb"],
    indirect=True,
)


class Gated:
    """Carries requests; one that has a text in its body waits before it is sent."""

    def __init__(self) -> None:
        self.held = b""
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.sender = HttpxTransport(10)

    def __call__(self, call: HttpRequest) -> HttpResponse:
        if self.held and self.held in call.body:
            self.reached.set()
            assert self.go_on.wait(30)
        return self.sender(call)


@pytest.fixture
def gated() -> Iterator[Gated]:
    gated = Gated()
    yield gated
    gated.sender.close()


@pytest.fixture
def told() -> list[Callable[[Event], object]]:
    """What a test wants to be done at each event."""
    return []


@pytest.fixture
def keeper(
    zoho: Sandbox,
    store: TokenStore,
    gated: Gated,
    told: list[Callable[[Event], object]],
    tmp_path: Path,
) -> Iterator[Keeper]:
    app = zoho.client
    with Accounts(
        app.client_id, app.client_secret, data_centers=zoho.data_centers, send=gated
    ) as accounts:

        def tell(event: Event) -> None:
            for one in told:
                one(event)

        with Keeper(store, accounts, on_event=tell, lifeboat=tmp_path / "boat") as keeper:
            yield keeper


@pytest.fixture
def expired(zoho: Sandbox, keeper: Keeper) -> None:
    """Two users whose hour is over."""
    for user in (ALICE, BOB):
        token = keeper.login_with_code(zoho.grant_code(user, self_client=True))
        past = utc_now() - timedelta(hours=1)
        keeper.store.save_token(replace(token, expires_at=past), expected_version=token.version)


def refreshes(zoho: Sandbox) -> int:
    return zoho.calls.count(path="/oauth/v2/token", grant_type="refresh_token")


def work(keeper: Keeper, results: Any) -> None:
    results.put([keeper.access_token(user) for user in (ALICE, BOB)])


@everywhere
@pytest.mark.usefixtures("expired")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_forked_while_a_thread_refreshes_share_its_refresh(
    zoho: Sandbox, keeper: Keeper, gated: Gated
) -> None:
    gated.held = str.encode(keeper.find(ALICE).refresh_token or "")
    refreshing = threading.Thread(target=keeper.access_token, args=[ALICE])
    refreshing.start()
    assert gated.reached.wait(30)
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    workers = [fork.Process(target=work, args=(keeper, results)) for _ in range(WORKERS)]

    # In a thread of its own, as servers do that replace a worker.
    def start() -> None:
        for worker in workers:
            worker.start()

    starting = threading.Thread(target=start)
    starting.start()
    starting.join(30)
    time.sleep(0.2)
    gated.go_on.set()
    refreshing.join(30)
    got = [results.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    mine = [keeper.access_token(user) for user in (ALICE, BOB)]
    assert got == [mine] * WORKERS
    assert refreshes(zoho) == 2


@everywhere
@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("returns", [True, False])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_inside_a_listener(
    keeper: Keeper,
    told: list[Callable[[Event], object]],
    tmp_path: Path,
    *,
    returns: bool,
) -> None:
    notes, children = tmp_path / "told", list[int]()

    def fork(event: Event) -> None:
        with notes.open("a") as file:
            file.write(f"{type(event).__name__} {event.user}\n")
        if event.user is None or not event.user.startswith(ALICE):
            return
        if child := os.fork():
            children.append(child)
            return
        got = keeper.access_token(BOB)
        if not returns:
            os._exit(not got)

    told.append(fork)
    assert keeper.access_token(ALICE)
    keeper.close()
    (child,) = children
    until(lambda: notes.read_text().count("\n") >= 2, told=lambda: "the child hangs")
    until(lambda: returns or os.waitpid(child, os.WNOHANG)[0], told=lambda: "the child hangs")
    if returns:
        # Python ends no process whose threads go on; what is told there was told by then.
        time.sleep(0.2)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    lines = [line.partition(":")[0] for line in notes.read_text().splitlines()]
    assert sorted(lines) == [f"Refreshed {ALICE}", f"Refreshed {BOB}"]


PREFORK = """
import ctypes, os, signal, sys, warnings, gc
from evergrant import Accounts, DataCenters, Keeper, open_store
warnings.simplefilter("ignore")
url, own, workers = sys.argv[1], sys.argv[2] == "own", int(sys.argv[3])

def server_side(store):
    if url.startswith("redis"):
        return store._clients.for_this_process().client_id()
    if url.startswith("postgresql"):
        question = "select pg_backend_pid()"
    elif url.startswith("mysql"):
        question = "select connection_id()"
    else:
        return None
    return store._connections._pool.core(lambda one: one.exec_driver_sql(question).scalar())

def find(store):
    return [token.access_token for token in store.find_users("alice@example.com")]

store = open_store(url)
keeper = Keeper(store, Accounts("id", "secret"))
before, mine = find(store), server_side(store)
assert before
if own:
    assert ctypes.CDLL(None).unshare(0x20000000) == 0  # CLONE_NEWPID: for children yet to come
parent = os.getpid()
for number in range(workers):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, lambda *_: os._exit(9))
        signal.alarm(20)
        if own and number == 0:
            assert os.getpid() == parent
        assert find(store) == before
        if mine is not None:
            assert server_side(store) != mine
        sys.exit(0)  # with all that an ordinary end does
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    if own:
        break  # its namespace ended with it
assert find(store) == before
assert server_side(store) == mine, "a child has closed its parent's connection"
"""


@everywhere
@pytest.mark.usefixtures("expired")
@pytest.mark.parametrize("namespace", ["parents", "own"])
def test_a_child_that_ends_leaves_its_parents_connection_alone(
    keeper: Keeper, store_url: str, namespace: str
) -> None:
    command = [sys.executable, "-c", PREFORK, store_url, namespace, "3"]
    if namespace == "own":
        command = ["unshare", "--pid", "--fork", *command]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=40)
    assert done.returncode == 0, done.stderr
    assert not done.stderr


FORKED_IN_C = """
import ctypes, os, signal, sys, threading
from evergrant import open_store
from evergrant._fork import this_process
store = open_store(sys.argv[1])
assert store.find_users("alice@example.com")
libc, before = ctypes.CDLL(None), this_process()
# As a server in C does that embeds Python: it tells Python of the child only.
libc.fork.restype = ctypes.c_int
child = ctypes.PyDLL(None).fork()
if child == 0:
    ctypes.pythonapi.PyOS_AfterFork_Child()
    signal.alarm(20)
    assert this_process()[0] == before[0] + 1
    assert store.find_users("alice@example.com")
    again = os.fork()
    if again == 0:
        assert this_process()[0] == before[0] + 2
        assert store.find_users("alice@example.com")
        os._exit(0)
    os._exit(os.waitpid(again, 0)[1] != 0)
_, status = os.waitpid(child, 0)
assert status == 0, status
"""


@everywhere
@pytest.mark.usefixtures("expired")
def test_forked_by_a_server_in_c(keeper: Keeper, store_url: str) -> None:
    command = [sys.executable, "-c", FORKED_IN_C, store_url]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=40)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
