"""What the locks below the keeper guard, from clocks to keys: see `test_locks`."""

from __future__ import annotations

import fcntl
import os
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from acts import Count, Threads, equal
from evergrant import clock, delivery, limited_log, sender, watchdog
from evergrant.clock import RemoteClock
from evergrant.crypto import files
from evergrant.crypto.files import FileKeyring, write_lines
from evergrant.crypto.keys import Key
from evergrant.delivery import Delivery
from evergrant.limited_log import LimitedLog
from evergrant.observing import audit
from evergrant.observing.audit import AuditLog, read_entries, verify
from evergrant.sender import HttpSender
from evergrant.token import Secret
from stepping import Scene, step_through

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    held = Threads()
    for module in (audit, delivery, watchdog):
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
        it = watchdog._Watchdog()
        return Scene(it.wake, it.wake, lambda: equal((len(threads.begun), 1)))

    step_through(scene, watchdog)


def test_no_more_lines_are_written_than_there_may_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limited_log, "BURST", 1)
    monkeypatch.setattr(limited_log, "PERIOD", 3600.0)

    def scene() -> Scene:
        log = LimitedLog()
        caplog.clear()

        def write() -> None:
            log.warning("the store is down")

        return Scene(write, write, lambda: equal((len(caplog.records), 1)))

    step_through(scene, limited_log)


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

    monkeypatch.setattr(sender, "open_client", open_one)
    return opened


def test_two_who_send_at_once_share_connections(clients: list[Client]) -> None:
    def scene() -> Scene:
        clients.clear()
        it = HttpSender(1.0)
        return Scene(it.prepare, it.prepare, lambda: equal((len(clients), 1)))

    step_through(scene, sender)


def test_connections_that_are_opened_while_others_are_closed_are_not_lost(
    clients: list[Client],
) -> None:
    def scene() -> Scene:
        clients.clear()
        it = HttpSender(1.0)

        def check() -> None:
            it.close()
            assert all(client.is_closed for client in clients)

        return Scene(it.close, it.prepare, check)

    step_through(scene, sender, within=("close",), opcodes=True)


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

    step_through(scene, files, within=("look",))


def test_what_is_told_while_the_listener_is_begun_has_one_thread(threads: Threads) -> None:
    def scene() -> Scene:
        heard = list[str]()
        it = Delivery(heard.append, str)
        threads.begun.clear()

        def check() -> None:
            (run,) = threads.begun
            run()
            equal((sorted(heard), ["a", "b"]))

        return Scene(lambda: it.begin("a"), lambda: it.begin("b"), check)

    step_through(scene, delivery)


def test_what_is_told_while_the_listener_is_done_reaches_it(threads: Threads) -> None:
    def scene() -> Scene:
        heard = list[str]()
        it = Delivery(heard.append, str)
        threads.begun.clear()
        it.begin("a")
        run = threads.begun.pop()

        def check() -> None:
            for begun in threads.begun:
                begun()
            equal((heard, ["a", "b"]))

        return Scene(run, lambda: it.begin("b"), check)

    step_through(scene, delivery)


@pytest.fixture
def log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: Threads
) -> Callable[[], AuditLog]:
    for name in ("EVERGRANT_KEY", "EVERGRANT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(audit, "AT_EXIT", 0.0)

    def new() -> AuditLog:
        (tmp_path / "audit.log").unlink(missing_ok=True)
        threads.begun.clear()
        return AuditLog(tmp_path / "audit.log")

    return new


def numbers(log: AuditLog) -> list[int]:
    equal((verify(log.path)[1], []))
    return sorted(entry["number"] for entry in read_entries(log.path))


@pytest.mark.parametrize("what", ["record", "flush"])
def test_an_entry_stands_in_the_log_once(log: Callable[[], AuditLog], what: str) -> None:
    def scene() -> Scene:
        it = log()

        def other() -> None:
            it.record({"number": 2}) if what == "record" else it.flush(0)

        right = [1, 2] if what == "record" else [1]
        return Scene(lambda: it.record({"number": 1}), other, lambda: equal((numbers(it), right)))

    step_through(scene, audit, within=("record", "_write_waiting"))


class Stranger:
    """Another process that keeps a file locked."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def go(self) -> None:
        os.close(self._handle)


def test_an_entry_that_waits_is_written_though_others_have_tried(
    log: Callable[[], AuditLog], monkeypatch: pytest.MonkeyPatch, threads: Threads
) -> None:
    monkeypatch.setattr(audit, "PATIENCE", 0.0)

    def scene() -> Scene:
        it = log()
        stranger = Stranger(it.path)
        it.record({"number": 1})
        monkeypatch.setattr(audit, "RETRY", stranger)
        (retry,) = threads.begun
        return Scene(lambda: it.flush(0), retry, lambda: equal((numbers(it), [1])))

    monkeypatch.setattr(audit, "time", SimpleNamespace(sleep=lambda stranger: stranger.go()))
    step_through(scene, audit, within=("_write_waiting",))


def test_entries_that_are_written_while_the_program_ends_do_not_spoil_its_end(
    log: Callable[[], AuditLog], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "PATIENCE", 0.0)

    def scene() -> Scene:
        it = log()
        stranger = Stranger(it.path)
        it.record({"number": 1})
        caplog.clear()

        def flush() -> None:
            stranger.go()
            it.flush(0)

        def check() -> None:
            equal((numbers(it), [1]))
            assert len(caplog.records) <= 1

        return Scene(it.end, flush, check)

    step_through(scene, audit, within=("end",), opcodes=True)
