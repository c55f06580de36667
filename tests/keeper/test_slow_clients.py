"""Servers of our own against clients that say nothing, or a byte at a time."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import httpx2
import pytest

from evergrant._network import http_server, socket_watchdog
from evergrant.cli.login_callback import CallbackServer, PendingLogin
from evergrant.observing.prometheus import Metrics
from evergrant.sandbox import server as sandbox_server
from evergrant.sandbox.messages import Response
from evergrant.sandbox.server import Server
from evergrant.token import Token
from tests.support.servers.ports import free_port

CROWD = 20
"""Clients that say nothing, and as many that speak in drops."""


def a_callback(stack: ExitStack) -> int:
    listener = stack.enter_context(CallbackServer("http://127.0.0.1:0/callback"))
    listener.serve(PendingLogin("state", lambda _: Token()), lambda _: None)
    return urlsplit(listener.url).port or 0


def metrics(stack: ExitStack) -> int:
    port = free_port()
    stack.callback(Metrics().serve("127.0.0.1", port))
    return port


def a_sandbox(stack: ExitStack) -> int:
    server = Server()
    port = server.listen(0, lambda _: Response(200))
    server.start()
    stack.callback(server.stop)
    return port


@pytest.fixture(params=[a_callback, metrics, a_sandbox])
def port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of each server that we have."""
    monkeypatch.setattr(socket_watchdog, "TICK_S", 0.02)
    monkeypatch.setattr(http_server, "REQUEST_TIMEOUT_S", 0.6)
    monkeypatch.setattr(sandbox_server, "CLIENT_TIMEOUT_S", 0.6)
    serve: Callable[[ExitStack], int] = request.param
    with ExitStack() as stack:
        yield serve(stack)
        began = time.monotonic()
    assert time.monotonic() - began < 1


@contextmanager
def slow(port: int) -> Iterator[list[socket.socket]]:
    silent, dripping = (
        [socket.create_connection(("127.0.0.1", port)) for _ in range(CROWD)] for _ in range(2)
    )
    ends = threading.Event()

    def drip() -> None:
        for byte in b"GET / HTTP/1.1\r\nX-Slow: " + 10_000 * b"x":
            for client in dripping:
                with suppress(OSError):
                    client.send(bytes([byte]))
            if ends.wait(0.02):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    yield silent + dripping
    ends.set()
    thread.join()
    for client in silent + dripping:
        client.close()


def ask(port: int) -> float:
    """Return how long an answer takes, whatever it is."""
    began = time.monotonic()
    httpx2.get(f"http://127.0.0.1:{port}/elsewhere", timeout=30, trust_env=False)
    return time.monotonic() - began


def test_slow_clients_hold_up_nobody_and_are_let_go(port: int) -> None:
    with slow(port) as clients:
        assert max(ask(port) for _ in range(5)) < 0.5
        for client in clients:
            client.settimeout(5)
            with suppress(ConnectionError):
                assert client.recv(1) == b""


def test_slow_clients_do_not_hold_the_end_of_a_server(port: int) -> None:
    with slow(port):
        assert ask(port) < 0.5  # the fixture ends it, and looks at the time


def test_a_client_that_takes_no_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_watchdog, "TICK_S", 0.02)
    monkeypatch.setattr(sandbox_server, "CLIENT_TIMEOUT_S", 0.3)
    server = Server()
    port = server.listen(0, lambda _: Response(200, {}, 50_000_000 * b"x"))
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            until = time.monotonic() + 5
            while not server._connections and time.monotonic() < until:
                time.sleep(0.01)
            while server._connections and time.monotonic() < until:
                time.sleep(0.01)
            assert not server._connections
    finally:
        server.stop()


def test_an_answer_that_takes_longer_than_a_request_may_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket_watchdog, "TICK_S", 0.02)
    monkeypatch.setattr(http_server, "REQUEST_TIMEOUT_S", 0.1)

    def complete(_: str) -> Token:
        time.sleep(0.4)  # Zoho takes its time
        return Token(user_name="alice@example.com")

    with CallbackServer("http://127.0.0.1:0/callback") as listener:
        answer = PendingLogin("state", complete)
        listener.serve(answer, lambda _: None)
        page = httpx2.get(f"{listener.url}?code=1&state=state", timeout=30, trust_env=False)
        assert "alice@example.com" in page.text


def test_where_no_thread_is_to_be_had_the_sandbox_serves_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        port = a_sandbox(stack)
        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            monkeypatch.setattr(threading.Thread, "start", start)
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert client.recv(1) == b""
        assert ask(port) < 0.5


SERVE = """
import socket, sys
from evergrant.cli.login_callback import CallbackServer, PendingLogin
from evergrant.observing.prometheus import Metrics
from urllib.parse import urlsplit
with socket.create_server(("127.0.0.1", 0)) as probe: port = probe.getsockname()[1]
end = Metrics().serve("127.0.0.1", port)
with CallbackServer("http://127.0.0.1:0/callback") as listener:
    listener.serve(PendingLogin("state", None), print)
    ports = port, urlsplit(listener.url).port
    clients = [socket.create_connection(("127.0.0.1", one)) for one in ports]
    for client in clients: client.sendall(b"GET / HT")
    print("ready", flush=True)
    sys.stdin.readline()
end()
"""


def test_a_program_ends_although_clients_are_slow() -> None:
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        began = time.monotonic()
        process.communicate(b"\n", timeout=30)
        assert time.monotonic() - began < 3
        assert process.returncode == 0
