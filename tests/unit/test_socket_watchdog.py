"""Exchanges end when their time is over, and nobody pays for those that end before."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from evergrant._network import socket_watchdog
from evergrant._network.socket_watchdog import Exchange, belongs_to_exchange


def test_what_drips_ends_and_what_ends_in_time_is_left_alone() -> None:
    here, there = socket.socketpair()
    quick, other = socket.socketpair()
    with here, there, quick, other:
        with Exchange(0.3):
            belongs_to_exchange(quick)
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.02):
                other.sendall(b"x")
                try:
                    there.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        with Exchange(0.3):
            belongs_to_exchange(here)
            while here.recv(1):
                pass
        assert time.monotonic() - began < 5
        time.sleep(socket_watchdog.TICK_S)
        assert quick.recv(1) == b"x"
        stop.set()
        thread.join()


def test_the_outer_of_two_exchanges_keeps_its_deadline() -> None:
    here, there = socket.socketpair()
    with here, there, Exchange(0.1):
        belongs_to_exchange(here)
        with Exchange(60):
            belongs_to_exchange(here)
            assert here.recv(1) == b""


def test_a_watchdog_that_rests_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_watchdog, "REST_S", 0.0)
    monkeypatch.setattr(socket_watchdog, "TICK_S", 0.01)
    for _ in range(3):
        here, there = socket.socketpair()
        with here, there, Exchange(0.05):
            belongs_to_exchange(here)
            assert here.recv(1) == b""
        time.sleep(0.05)


def test_a_forked_child_has_a_watchdog_of_its_own() -> None:
    with Exchange(60):
        if not (child := os.fork()):
            here, _there = socket.socketpair()
            with Exchange(0.1):
                belongs_to_exchange(here)
                os._exit(0 if here.recv(1) == b"" else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
