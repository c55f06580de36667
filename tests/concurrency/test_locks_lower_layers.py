"""What the locks below the keeper guard, from clocks to keys: see `test_locks`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from evergrant import _fork, clock
from evergrant._crypto import key_file
from evergrant._crypto.key_file import FileKeyring, write_lines
from evergrant._crypto.keys import Key
from evergrant._logging import rate_limited
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._network import socket_watchdog
from evergrant._network.socket_watchdog import Exchange
from evergrant._oauth import transport
from evergrant._oauth.transport import HttpxTransport
from evergrant.clock import RemoteClock
from evergrant.errors import StoreUnavailable
from evergrant.token import Secret
from tests.support.concurrency.acts import Count, Threads, equal
from tests.support.concurrency.stepping import Scene, step_through

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    held = Threads()
    for module in (rate_limited, socket_watchdog):
        monkeypatch.setattr(module, "threading", held)
    return held


def test_two_who_ask_a_sandbox_for_the_time_at_once_ask_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def scene() -> Scene:
        now, asked = RemoteClock("http://127.0.0.1:1", max_age=3600), Count(NOW)
        monkeypatch.setattr(now, "_ask", asked)
        return Scene(now, now, lambda: equal((asked.calls, 1)))

    step_through(scene, clock)


def test_two_who_wake_the_watchdog_have_one_thread_look_on(threads: Threads) -> None:
    def scene() -> Scene:
        threads.begun.clear()
        it = socket_watchdog._Watchdog()
        return Scene(it.wake, it.wake, lambda: equal((len(threads.begun), 1)))

    step_through(scene, socket_watchdog)


@pytest.fixture
def new_log(monkeypatch: pytest.MonkeyPatch, threads: Threads) -> Callable[[], RateLimitedLog]:
    monkeypatch.setattr(rate_limited, "BURST", 1)
    monkeypatch.setattr(rate_limited, "PERIOD_S", 3600.0)
    return RateLimitedLog


def test_no_more_lines_are_written_than_there_may_be(
    new_log: Callable[[], RateLimitedLog], caplog: pytest.LogCaptureFixture
) -> None:
    def scene() -> Scene:
        log = new_log()
        caplog.clear()

        def write() -> None:
            log.warning("the store is down")

        return Scene(write, write, lambda: equal((len(caplog.records), 1)))

    step_through(scene, rate_limited)


def test_lines_that_were_only_counted_are_told_once(
    new_log: Callable[[], RateLimitedLog], threads: Threads, caplog: pytest.LogCaptureFixture
) -> None:
    def scene() -> Scene:
        log = new_log()
        threads.begun.clear()
        for _ in range(3):
            log.warning("the store is down")
        caplog.clear()
        (tell,) = threads.begun

        def check() -> None:
            (line,) = caplog.records
            equal((line.getMessage(), "the store is down (2 like it in a minute)"))

        return Scene(tell, log.end, check)

    step_through(scene, rate_limited, within=("_tell_rest",), opcodes=True)


class Client:
    """Stands in for a client of httpx2: notes whether it is closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    opened: list[Client] = []

    def open_one(**_: object) -> Client:
        opened.append(Client())
        return opened[-1]

    monkeypatch.setattr(transport, "open_client", open_one)
    return opened


def test_two_who_send_at_once_share_connections(clients: list[Client]) -> None:
    def scene() -> Scene:
        clients.clear()
        it = HttpxTransport(1.0)
        return Scene(it.prepare, it.prepare, lambda: equal((len(clients), 1)))

    step_through(scene, transport)


def test_connections_that_are_opened_while_others_are_closed_are_not_lost(
    clients: list[Client],
) -> None:
    def scene() -> Scene:
        clients.clear()
        it = HttpxTransport(1.0)

        def check() -> None:
            it.close()
            assert all(client.is_closed for client in clients)

        return Scene(it.close, it.prepare, check)

    step_through(scene, transport, within=("close",), opcodes=True)


def key(byte: bytes) -> Secret:
    return Secret(b64encode(byte * 32).decode())


def test_a_new_key_is_found_by_all_who_look_for_it(tmp_path: Path) -> None:
    path, new = tmp_path / "keys", Key(key(b"n"))

    def scene() -> Scene:
        path.unlink(missing_ok=True)
        write_lines(path, [key(b"o")])
        ring = FileKeyring(path)
        write_lines(path, [key(b"n"), key(b"o")])

        def find() -> None:
            assert ring.get(new.id)

        return Scene(find, find, lambda: None)

    step_through(scene, key_file, within=("reload",))


def test_a_key_service_that_is_down_is_asked_by_one_and_told_to_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys"

    def scene() -> Scene:
        path.unlink(missing_ok=True)
        write_lines(path, [key(b"o")])
        monkeypatch.setattr(key_file, "_read", lambda _: [Key(key(b"o"))])
        ring, asked, told = FileKeyring(path), Count(), Count()
        write_lines(path, [key(b"n"), key(b"o")])

        def ask(_: Path) -> NoReturn:
            asked()
            raise StoreUnavailable("AWS KMS did not answer")

        monkeypatch.setattr(key_file, "_read", ask)

        def find() -> None:
            try:
                ring.get("another")
            except StoreUnavailable:
                told()

        return Scene(find, find, lambda: equal((asked.calls, 1), (told.calls, 2)))

    step_through(scene, key_file, within=("reload",))


class LookedError(Exception):
    """The watchdog looks on."""


def test_an_exchange_that_begins_while_the_watchdog_goes_to_rest_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, threads: Threads
) -> None:
    def look(_: float) -> NoReturn:
        raise LookedError

    def scene() -> Scene:
        it, looks = socket_watchdog._Watchdog(), Count()
        it.sleeps = False
        minutes = count(step=60)
        monkeypatch.setattr(
            socket_watchdog, "time", SimpleNamespace(monotonic=lambda: next(minutes), sleep=look)
        )
        monkeypatch.setattr(socket_watchdog, "_watchdogs", _fork.PerProcess(lambda: it))

        def look_on() -> None:
            try:
                it._look_on()
            except LookedError:
                looks()

        def check() -> None:
            assert looks.calls or it._called.is_set()

        return Scene(look_on, Exchange(3600).__enter__, check)

    step_through(scene, socket_watchdog, within=("_look_on",))
