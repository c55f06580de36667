"""Work that nobody waits for is done once, and does not keep a program from ending."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from evergrant._concurrency import workers
from evergrant._concurrency.workers import THREADS, BackgroundWorkers
from tests.support.waiting import until


def idle(work: BackgroundWorkers) -> None:
    until(lambda: work.is_idle)


def test_a_piece_is_done_once_however_often_it_is_asked_for() -> None:
    work, done, go_on = BackgroundWorkers(), [], threading.Event()

    def piece() -> None:
        assert go_on.wait(30)
        done.append(threading.current_thread())

    assert work.submit("a", piece)
    assert not any(work.submit("a", piece) for _ in range(20))
    go_on.set()
    idle(work)
    assert len(done) == 1
    assert done[0] is not threading.main_thread()
    assert work.submit("a", piece), "once it is done, it may be asked for again"
    idle(work)
    assert len(done) == 2


def test_more_pieces_than_threads_take_turns() -> None:
    work, running, most, done = BackgroundWorkers(), [], [], []
    lock = threading.Lock()

    def piece(number: int) -> None:
        with lock:
            running.append(number)
            most.append(len(running))
        time.sleep(0.002)
        with lock:
            running.remove(number)
            done.append(number)

    for number in range(100):
        assert work.submit(str(number), lambda number=number: piece(number))  # type: ignore[misc]
    idle(work)
    assert sorted(done) == list(range(100))
    assert max(most) <= THREADS


def test_what_is_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MAX_QUEUED", 3)
    monkeypatch.setattr(workers, "THREADS", 1)
    work, go_on, begun = BackgroundWorkers(), threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        assert go_on.wait(30)

    assert work.submit("first", first)
    assert begun.wait(30)
    accepted = [work.submit(str(number), lambda: None) for number in range(5)]
    go_on.set()
    assert accepted == [True, True, True, False, False]
    idle(work)


def test_a_piece_that_fails_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    work, done = BackgroundWorkers(), []

    def fail() -> None:
        raise ValueError("planted")

    work.submit("a", fail)
    work.submit("b", lambda: done.append("b"))
    idle(work)
    assert done == ["b"]
    assert "work in the background failed" in caplog.text


def test_nothing_begins_after_it_was_closed() -> None:
    work, done = BackgroundWorkers(), list[str]()

    def piece() -> None:
        time.sleep(0.05)
        done.append("a")

    work.submit("a", piece)
    time.sleep(0.01)
    work.close()
    assert done == ["a"], "what is under way is waited for"
    assert not work.submit("b", lambda: done.append("b"))


def test_a_machine_without_a_thread_to_spare_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    work, done = BackgroundWorkers(), []
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refuse)
        assert not work.submit("a", lambda: done.append("a"))
        assert work.is_idle
    assert work.submit("a", lambda: done.append("a"))
    idle(work)
    assert done == ["a"]


def test_an_interrupt_while_a_thread_begins_leaves_nothing_that_is_never_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "THREADS", 1)
    work, done = BackgroundWorkers(), []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            work.submit("a", lambda: done.append("never"))
    assert work.is_idle
    assert work.submit("a", lambda: done.append("a"))
    idle(work)
    assert done == ["a"]


def test_a_forked_child_does_its_own_work_and_not_its_parents() -> None:
    work, go_on, done = BackgroundWorkers(), threading.Event(), []
    work.submit("parent", lambda: go_on.wait(30))
    child = os.fork()
    if child == 0:
        accepted = work.submit("parent", lambda: done.append("child"))
        idle(work)
        os._exit(0 if accepted and done == ["child"] else 1)
    go_on.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    idle(work)


PROGRAM = """
import os
import threading
import time
from evergrant._concurrency.workers import THREADS, BackgroundWorkers
work, begun = BackgroundWorkers(), threading.Semaphore(0)
def piece(name):
    begun.release()
    while threading.main_thread().is_alive():
        time.sleep(0.005)
    os.write(1, (name + " ").encode())
for number in range(500):
    work.submit(str(number), lambda number=number: piece(str(number)))
for _ in range(THREADS):
    begun.acquire()
"""


def test_a_program_that_ends_waits_for_what_is_under_way_and_for_nothing_else() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert sorted(map(int, ended.stdout.split())) == list(range(THREADS))
    assert ended.stderr == ""
