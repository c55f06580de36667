"""What a forked child inherits must not hang it."""

from __future__ import annotations

import subprocess
import sys

import pytest

FORKED = """
import os, signal, sys, threading, warnings
from pathlib import Path
from evergrant.keeping.flight import SingleFlight
from evergrant.keeping.lifeboat import Lifeboat
from evergrant.sender import HttpSender
from evergrant.forking import ProcessLock

warnings.simplefilter("ignore")
thing, work = {
    "flight": lambda: (flight := SingleFlight(), lambda: flight.do("a", lambda: 7)),
    "lifeboat": lambda: (boat := Lifeboat(Path(sys.argv[2]), "x:"), lambda: boat.take_aboard(id)),
    "lock": lambda: (lock := ProcessLock(), lambda: lock.here().acquire()),
    "sender": lambda: (sender := HttpSender(5), lambda: sender.close()),
}[sys.argv[1]]()
held, go_on = threading.Event(), threading.Event()

def hold():
    with (thing if isinstance(thing, ProcessLock) else thing._lock).here():
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


@pytest.mark.parametrize("thing", ["flight", "lifeboat", "lock", "sender"])
def test_a_child_does_not_wait_for_a_lock_that_a_thread_it_lacks_holds(
    thing: str, tmp_path: object
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, thing, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
