"""What the locks of event listeners and of the audit log guard: see `test_locks`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from evergrant import _delivery
from evergrant._delivery import Delivery
from evergrant.observing import audit_log
from evergrant.observing.audit_log import AuditLog, read_entries, verify
from tests.support.concurrency.acts import Count, Threads, equal
from tests.support.concurrency.stepping import Scene, step_through


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    held = Threads()
    monkeypatch.setattr(_delivery, "threading", held)
    return held


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> Threads:
    held = Threads()
    monkeypatch.setattr(audit_log, "threading", held)
    return held


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

    step_through(scene, _delivery)


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

    step_through(scene, _delivery)


def test_a_listener_that_is_done_after_all_is_not_called_late_for_ever(threads: Threads) -> None:
    def scene() -> Scene:
        it = Delivery(Count(), str)
        threads.begun.clear()
        wait = it.begin("a")
        run = threads.begun.pop()
        return Scene(lambda: wait(0.0), run, lambda: equal((it.is_late, False)))

    step_through(scene, _delivery)


def test_a_listener_for_which_two_wait_is_told_late_once(threads: Threads) -> None:
    def scene() -> Scene:
        told = Count()
        it = Delivery(Count(), str, report=told)
        waits = [it.begin("a"), it.begin("b")]
        return Scene(lambda: waits[0](0.0), lambda: waits[1](0.0), lambda: equal((told.calls, 1)))

    step_through(scene, _delivery, within=("_await", "_falls_behind"), opcodes=True)


def test_what_two_listeners_of_a_name_lose_is_counted(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_delivery, "MAX_QUEUED", 0)

    def scene() -> Scene:
        monkeypatch.setattr(_delivery, "_lost", {})
        one, other = (Delivery(print, str, name="a name of its own") for _ in range(2))

        def check() -> None:
            lost = {standing.name: standing.lost for standing in _delivery.standings()}
            equal((lost[one.name], 2))

        return Scene(lambda: one.begin("a"), lambda: other.begin("b"), check)

    step_through(scene, _delivery, within=("begin",), opcodes=True)


@pytest.fixture
def log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writers: Threads
) -> Callable[[], AuditLog]:
    for name in ("EVERGRANT_KEY", "EVERGRANT_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(audit_log, "EXIT_TIMEOUT_S", 0.0)

    def new() -> AuditLog:
        (tmp_path / "audit.log").unlink(missing_ok=True)
        writers.begun.clear()
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

    step_through(scene, audit_log, within=("record", "_write_waiting"))


class Stranger:
    """Another process that keeps a file locked."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def go(self) -> None:
        os.close(self._handle)


Locked = tuple[AuditLog, Stranger]


@pytest.fixture
def locked(log: Callable[[], AuditLog], monkeypatch: pytest.MonkeyPatch) -> Callable[[], Locked]:
    """Make a log for whose file an entry waits."""
    monkeypatch.setattr(audit_log, "LOCK_TIMEOUT_S", 0.0)

    def new() -> Locked:
        it = log()
        stranger = Stranger(it.path)
        it.record({"number": 1})
        return it, stranger

    return new


def test_an_entry_that_waits_is_written_though_others_have_tried(
    locked: Callable[[], Locked], monkeypatch: pytest.MonkeyPatch, writers: Threads
) -> None:
    def scene() -> Scene:
        it, stranger = locked()
        monkeypatch.setattr(audit_log, "RETRY_EVERY_S", stranger)
        (retry,) = writers.begun
        return Scene(lambda: it.flush(0), retry, lambda: equal((numbers(it), [1])))

    monkeypatch.setattr(audit_log, "time", SimpleNamespace(sleep=lambda stranger: stranger.go()))
    step_through(scene, audit_log, within=("_write_waiting",))


def test_entries_that_are_written_while_the_program_ends_do_not_spoil_its_end(
    locked: Callable[[], Locked], caplog: pytest.LogCaptureFixture
) -> None:
    def scene() -> Scene:
        it, stranger = locked()
        caplog.clear()

        def flush() -> None:
            stranger.go()
            it.flush(0)

        def check() -> None:
            equal((numbers(it), [1]))
            assert len(caplog.records) <= 1

        return Scene(it.end, flush, check)

    step_through(scene, audit_log, within=("end",), opcodes=True)
