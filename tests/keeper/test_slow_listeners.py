"""Whoever listens may hang: nobody who wants a token hangs with it, and what is late is told."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from evergrant import _delivery
from evergrant._delivery import Delivery
from evergrant.events import Event, EventsLost, Revoked, fan_out, safe_listener
from evergrant.observing import audit_log
from evergrant.observing.audit_log import AuditLog, read_entries, verify
from evergrant.observing.opentelemetry import Telemetry
from evergrant.observing.prometheus import Metrics
from tests.support.cli.runner import Command
from tests.support.security.failing_steps import failures

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def event(number: int) -> Event:
    return Revoked(at=NOW, token_id=str(number))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergrant.events.CALLER_WAITS_S", 0.05)
    monkeypatch.setattr(audit_log, "LOCK_TIMEOUT_S", 0.05)


class Stuck:
    """A listener that hangs until the test lets it go."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.go_on = threading.Event()

    def __call__(self, event: Event) -> None:
        self.go_on.wait(30)
        self.told.append(event)


@pytest.mark.usefixtures("impatient")
def test_a_listener_that_hangs_delays_nobody_and_is_told_all_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stuck, quick = Stuck(), list[Event]()
    emit, began = safe_listener(fan_out(stuck, fan_out(quick.append))), time.monotonic()
    events = [event(number) for number in range(200)]
    for one in events:
        emit(one)
    assert time.monotonic() - began < 5
    assert caplog.text.count("is late") == 1
    assert stuck.told == []
    stuck.go_on.set()
    emit.flush()
    assert stuck.told == quick == events


@pytest.mark.usefixtures("impatient")
def test_events_that_a_listener_has_no_room_for_are_told_as_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_delivery, "MAX_QUEUED", 3)
    stuck = Stuck()
    emit = safe_listener(stuck)
    for number in range(10):
        emit(event(number))
    stuck.go_on.set()
    emit.flush()
    lost = [one for one in stuck.told if isinstance(one, EventsLost)]
    assert [one.count for one in lost] == [6]
    assert len(stuck.told) == 4 + 1
    assert caplog.text.count("events are lost") == 1


def test_a_quick_listener_has_been_told_when_the_call_returns() -> None:
    told: list[Event] = []
    emit = safe_listener(told.append)
    for number in range(100):
        emit(event(number))
        assert told[-1] == event(number)


def test_a_listener_that_tells_something_itself_does_not_wait_for_itself() -> None:
    told: list[Event] = []

    def listener(one: Event) -> None:
        if not told:
            emit(event(2))
        told.append(one)

    emit = safe_listener(listener)
    began = time.monotonic()
    emit(event(1))
    emit.flush()
    assert told == [event(1), event(2)]
    assert time.monotonic() - began < _delivery.CALLER_WAITS_S


ENDING = """
import sys, threading, time
from datetime import datetime, UTC
from evergrant.events import Revoked, safe_listener

def listener(event):
    time.sleep(float(sys.argv[1]))
    print(event.token_id, flush=True)

emit = safe_listener(listener)
for number in range(3):
    emit(Revoked(at=datetime.now(UTC), token_id=str(number)))
"""


def test_the_end_of_the_program_waits_until_all_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING, "0.7"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "1", "2"]


def test_a_listener_that_never_returns_keeps_no_program_from_ending() -> None:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", ENDING, "600"], capture_output=True, check=True)
    assert time.monotonic() - began < 30


WRITER = """
import fcntl, sys
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def stopped_writer(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have another process lock the file, and be stopped by a signal then."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        os.kill(writer.pid, signal.SIGSTOP)
        yield writer
        writer.kill()


@pytest.mark.usefixtures("impatient")
def test_a_stopped_writer_of_the_audit_log_delays_nobody_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(path)
    emit = safe_listener(log)
    with stopped_writer(path):
        began = time.monotonic()
        for number in range(100):
            emit(event(number))
        assert time.monotonic() - began < 5
        emit.flush()
        assert caplog.text.count("is locked: its entries wait") == 1
        assert list(read_entries(path)) == []
    log.flush(30)
    assert [entry["token_id"] for entry in read_entries(path)] == [str(n) for n in range(100)]
    assert verify(path)[1] == []


@pytest.mark.usefixtures("impatient")
def test_what_the_audit_log_cannot_take_until_the_end_is_logged_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit_log, "EXIT_TIMEOUT_S", 0.05)
    monkeypatch.setattr(audit_log, "MAX_QUEUED", 2)
    path = tmp_path / "audit.log"
    log = AuditLog(path)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for number in range(3):
            log(event(number))
        log.end()
    assert "too many entries are waiting" in caplog.text
    assert caplog.text.count("not in the audit log") == 3
    log.flush(30)
    assert [entry.get("missed") for entry in read_entries(path)] == [1, None]


@pytest.mark.usefixtures("impatient")
def test_metrics_tell_of_what_is_lost_and_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_delivery, "MAX_QUEUED", 3)
    metrics, stuck, reader = Metrics(), Stuck(), InMemoryMetricReader()
    Telemetry(TracerProvider(), MeterProvider([reader]))
    named = {"listener": f"stuck {id(stuck)}"}

    def told(name: str) -> float | None:
        return metrics.registry.get_sample_value(f"evergrant_{name}", named)

    stuck.__dict__["__qualname__"] = named["listener"]
    emit = safe_listener(stuck)
    assert (told("events_lost_total"), told("listeners_late")) == (0, 0)
    for number in range(10):
        emit(event(number))
    assert (told("events_lost_total"), told("listeners_late")) == (6, 1)
    data = reader.get_metrics_data()
    assert data
    points = {
        metric.name: {
            str((point.attributes or {})["evergrant.listener"]): getattr(point, "value", None)
            for point in metric.data.data_points
        }
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert points["evergrant.events.lost"][named["listener"]] == 6
    assert points["evergrant.listeners.late"][named["listener"]] == 1
    stuck.go_on.set()
    emit.flush()
    assert (told("events_lost_total"), told("listeners_late")) == (6, 0)


def test_doctor_tells_of_what_the_audit_log_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.log"
    monkeypatch.setenv("EVERGRANT_AUDIT", str(path))
    run, log = Command(), AuditLog(path)
    log(event(1))
    assert "missing in" not in run("doctor", "--offline").stdout
    log(EventsLost(at=NOW, count=6))
    assert "6 events are missing in" in " ".join(run("doctor", "--offline").stdout.split())
    with monkeypatch.context() as full:
        full.setattr(AuditLog, "_open", fail)
        log(event(2))
        log(event(3))
    log(event(4))
    said = " ".join(run("doctor", "--offline").stdout.split())
    assert "8 events are missing in" in said
    assert "the last one before 2026-01-02" in said


def fail(_log: AuditLog) -> int:
    raise OSError(28, "no space left on device")


def test_an_interrupt_at_any_step_leaves_no_listener_untold() -> None:
    heard: list[str] = []
    listener = Delivery(heard.append, str)

    def tell() -> None:
        listener.begin("a")(time.monotonic() + 5)

    interrupts = failures(tell, kind=KeyboardInterrupt)
    for number, _ in enumerate(interrupts):
        listener.begin(f"b{number}")(time.monotonic() + 5)
        assert heard[-1] == f"b{number}"
    assert len(set(heard)) > 5
