"""Children in a namespace of their own, who may have their parent's number."""

from __future__ import annotations

import subprocess
import sys

CHILD = """
import ctypes, os, signal, sys, warnings
from evergrant.stores import open_store

warnings.simplefilter("ignore")
store = open_store(sys.argv[1])
assert store.find_token_by_id("1") is None
assert ctypes.CDLL(None).unshare(0x20000000) == 0  # CLONE_NEWPID: for children yet to come
pool = store._clients.for_this_process().connection_pool
parent, connection = os.getpid(), pool._available_connections[0]
child = os.fork()
if child == 0:
    signal.signal(signal.SIGALRM, lambda *_: os._exit(9))  # the first process ignores it else
    signal.alarm(20)
    assert os.getpid() == parent
    assert store.find_token_by_id("1") is None
    os._exit(connection in store._clients.for_this_process().connection_pool._available_connections)
assert os.waitpid(child, 0)[1] == 0
assert store.find_token_by_id("1") is None
os._exit(0)
"""


def test_a_child_with_its_parents_number_has_a_connection_of_its_own(redis_url: str) -> None:
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", CHILD, redis_url]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
