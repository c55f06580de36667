"""What a forked child inherits must not hang it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.servers.scripted_server import saying, serving

FORKED = """
import os, signal, sys, threading, warnings
from pathlib import Path
from evergrant._concurrency.single_flight import SingleFlight
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._oauth.transport import HttpxTransport
from evergrant._fork import ProcessLock

warnings.simplefilter("ignore")
thing, work = {
    "flight": lambda: (flight := SingleFlight(), lambda: flight.do("a", lambda: 7)),
    "lifeboat": lambda: (boat := Lifeboat(Path(sys.argv[2]), "x:"), lambda: boat.restore(id)),
    "lock": lambda: (lock := ProcessLock(), lambda: lock.get().acquire()),
    "sender": lambda: (sender := HttpxTransport(5), lambda: sender.close()),
}[sys.argv[1]]()
held, go_on = threading.Event(), threading.Event()

def hold():
    with (thing if isinstance(thing, ProcessLock) else thing._lock).get():
        held.set()
        go_on.wait(30)

holder = threading.Thread(target=hold)
holder.start()
held.wait(30)
child = os.fork()
if child == 0:
    signal.alarm(10)  # a child that hangs is killed
    work()
    os._exit(0)
status = os.waitpid(child, 0)[1]
go_on.set()
holder.join()
sys.exit(status != 0)
"""


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("thing", ["flight", "lifeboat", "lock", "sender"])
def test_a_child_does_not_wait_for_a_lock_that_a_thread_it_lacks_holds(
    thing: str, tmp_path: object
) -> None:
    run(sys.executable, "-c", FORKED, thing, str(tmp_path))


IMPORTING = """
import os, signal, sys, threading, time, warnings
from importlib import import_module
import evergrant.keeper
from evergrant._oauth.messages import HttpRequest
from evergrant._oauth.transport import HttpxTransport

warnings.simplefilter("ignore")
url, name, way = sys.argv[1:]
begun, go_on = threading.Event(), threading.Event()

class Slow:
    def find_spec(self, wanted, path=None, target=None):
        if wanted == name and threading.current_thread() is importer:
            begun.set()
            go_on.wait(30)

def refresh():
    import_module(name)
    return HttpxTransport(5)(HttpRequest("GET", url)).status != 200

def fork(*_):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs is killed
        os._exit(refresh())
    failed.append(os.waitpid(child, 0)[1])

failed = []
importer = threading.Thread(target=refresh)
sys.meta_path.insert(0, Slow())
importer.start()
assert begun.wait(30)
threading.Timer(0.2, go_on.set).start()
if way == "signal":
    signal.signal(signal.SIGUSR1, fork)
    os.kill(os.getpid(), signal.SIGUSR1)
    while not failed:
        time.sleep(0.01)
elif way == "thread":
    forker = threading.Thread(target=fork)
    forker.start()
    forker.join()
else:
    fork()
importer.join()
sys.exit(failed[0] != 0)
"""


@pytest.mark.parametrize("way", ["main", "thread", "signal"])
@pytest.mark.parametrize("name", ["httpx2", "httpx2._client", "encodings.idna"])
def test_forked_in_the_middle_of_a_lazy_import(name: str, way: str) -> None:
    with serving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as server:
        run(sys.executable, "-c", IMPORTING, server.url, name, way)


ENDLESS = """
import importlib.util, os, sys, threading, time
from evergrant import _fork

class Endless:
    def find_spec(self, wanted, path=None, target=None):
        if wanted == "endless":
            return importlib.util.spec_from_loader(wanted, self)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        begun.set()
        go_on.wait(30)

_fork.REST_TIMEOUT_S = 0.1
begun, go_on = threading.Event(), threading.Event()
sys.meta_path.insert(0, Endless())

def load():
    import endless

threading.Thread(target=load).start()
begun.wait(30)
began = time.monotonic()
child = os.fork()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert time.monotonic() - began < 10
go_on.set()
"""


def test_an_import_that_never_ends_keeps_nobody_from_forking() -> None:
    run(sys.executable, "-W", "ignore", "-c", ENDLESS)


NAMESAKE = """
import ctypes, os, signal, sys, threading, warnings
from evergrant._fork import ProcessLock, ProcessSemaphore
from evergrant._concurrency.workers import BackgroundWorkers

warnings.simplefilter("ignore")
lock, turns, background = ProcessLock(), ProcessSemaphore(1), BackgroundWorkers()
go_on, done = threading.Event(), threading.Event()
background.submit("a", lambda: go_on.wait(30))
def hold():
    lock.get().acquire()
    turns.get().acquire()

holder = threading.Thread(target=hold)
holder.start()
holder.join()
parent = os.getpid()
assert ctypes.CDLL(None).unshare(0x20000000) == 0  # CLONE_NEWPID: for children yet to come
child = os.fork()
if child == 0:
    signal.alarm(10)
    signal.signal(signal.SIGALRM, lambda *_: os._exit(9))  # the first process ignores it else
    assert os.getpid() == parent
    lock.get().acquire()
    turns.get().acquire()
    assert background.submit("a", done.set)
    assert done.wait(5)
    os._exit(0)
status = os.waitpid(child, 0)[1]
go_on.set()
sys.exit(status != 0)
"""


def test_a_child_that_has_its_parents_number_in_a_namespace_of_its_own() -> None:
    run("unshare", "--pid", "--fork", sys.executable, "-c", NAMESAKE)
