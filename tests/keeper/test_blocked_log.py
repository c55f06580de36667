"""A handler of the log hangs: nobody who wants a token hangs with it, and no lock is held."""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from evergrant import Keeper, Token, TokenStore
from evergrant._delivery import standings
from evergrant._logging.queued import WRITER, write
from evergrant._logging.rate_limited import BURST, RateLimitedLog
from evergrant.errors import EvergrantError
from evergrant.sandbox import Sandbox
from tests.support.waiting import until

LogIn = Callable[[str], Token]

ALICE, BOB = "alice@example.com", "bob@example.com"


class Stuck(logging.Handler):
    """Hangs at each line until the test lets it go."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.go_on = threading.Event()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.go_on.wait(30)
        self.written.append(record.getMessage())


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    """Hang every line of the program at the root: ours, and those of the libraries we use."""
    monkeypatch.setattr("evergrant._logging.queued.CALLER_WAITS_S", 0.1)
    handler, root = Stuck(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    handler.go_on.set()
    until(lambda: not late())
    root.removeHandler(handler)
    root.setLevel(before)


def late() -> int:
    return next(one.late for one in standings() if one.name == WRITER)


def test_refreshes_go_on_and_leave_no_lease(
    zoho: Sandbox,
    store: TokenStore,
    keeper: Keeper,
    log_in: LogIn,
    stuck: Stuck,
    refreshes: Callable[[], int],
) -> None:
    began, tokens = time.monotonic(), [log_in(ALICE), log_in(BOB)]
    zoho.clock.advance(hours=2)
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda user=user: got.append(keeper.access_token(user)))
        for user in (ALICE, BOB) * 10
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert time.monotonic() - began < 5
    assert len(got) == 20
    assert refreshes() == 2
    assert late() == 1
    for token in tokens:
        assert store.lease(token.id or "", 1)  # nobody holds it
        refreshed = store.find_token_by_id(token.id or "")
        assert refreshed
        assert refreshed.access_token in got
    assert stuck.written == []
    stuck.go_on.set()
    until(lambda: not late())
    lines = [line for line in stuck.written if "refreshed" in line or "Refreshed" in line]
    assert len(lines) >= 2, stuck.written


def test_failures_go_on_too(zoho: Sandbox, keeper: Keeper, log_in: LogIn, stuck: Stuck) -> None:
    log_in(ALICE)
    zoho.clock.advance(hours=2)
    zoho.faults.server_error(times=None)
    began = time.monotonic()
    for _ in range(5):
        with pytest.raises(EvergrantError):
            keeper.access_token(ALICE)
    assert time.monotonic() - began < 5
    zoho.faults.clear()


def test_a_quick_handler_has_written_when_the_call_returns_and_knows_the_caller(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("evergrant")
    RateLimitedLog().warning("the %s is gone", "store")
    write(log, logging.WARNING, "written")
    with suppress(KeyError):
        try:
            os.environ["NOWHERE"]
        finally:
            RateLimitedLog().exception("failed")
    assert caplog.messages == ["the store is gone", "written", "failed"]
    assert {record.filename for record in caplog.records} == {"test_blocked_log.py"}
    assert {record.threadName for record in caplog.records} == {threading.current_thread().name}
    assert caplog.records[2].exc_info
    assert caplog.records[2].exc_info[0] is KeyError


def test_a_filter_that_raises_harms_nobody() -> None:
    log = logging.getLogger("evergrant")

    def fail(_record: logging.LogRecord) -> bool:
        raise RuntimeError

    log.addFilter(fail)
    RateLimitedLog().warning("nobody reads this")
    log.removeFilter(fail)


def test_a_handler_that_asks_for_a_token_does_not_wait_for_itself(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn
) -> None:
    log_in(ALICE)
    log_in(BOB)
    zoho.clock.advance(hours=2)
    got: list[str] = []

    class Sends(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not got and record.name == "evergrant" and record.levelno == logging.WARNING:
                got.append("")
                got.append(keeper.access_token(BOB))

    handler, began = Sends(), time.monotonic()
    logging.getLogger().addHandler(handler)
    RateLimitedLog().warning("something to send")
    logging.getLogger().removeHandler(handler)
    assert time.monotonic() - began < 5
    until(lambda: len(got) == 2)


def test_lines_that_have_no_room_are_told_as_lost(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergrant._delivery.MAX_QUEUED", 3)
    lost = next(one.lost for one in standings() if one.name == WRITER)
    log = logging.getLogger("evergrant")
    for number in range(10):
        write(log, logging.WARNING, "line %d", (number,))
    stuck.go_on.set()
    until(lambda: not late())
    assert next(one.lost for one in standings() if one.name == WRITER) == lost + 6
    assert any("6 lines before this one are lost" in line for line in stuck.written)


@pytest.mark.parametrize("logger", ["httpx2", "httpcore2.http11"])
def test_what_the_http_library_says_of_our_requests_is_bounded_and_of_others_it_is_not(
    zoho: Sandbox,
    keeper: Keeper,
    log_in: LogIn,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    logger: str,
) -> None:
    import httpx2

    monkeypatch.setattr("evergrant._logging.rate_limited.PERIOD_S", 60.0)
    monkeypatch.setattr("evergrant._logging.libraries._log", RateLimitedLog())
    log_in(ALICE)
    caplog.set_level(logging.DEBUG)
    zoho.faults.server_error(times=None)
    for _ in range(3 * BURST):
        with suppress(EvergrantError):
            keeper.refresh(ALICE)
        zoho.clock.advance(hours=1)
    told = [record for record in caplog.records if record.name == logger]
    kinds = {record.msg for record in told}
    assert 0 < len(told) <= len(kinds) * BURST
    zoho.faults.clear()
    caplog.clear()
    with httpx2.Client(trust_env=False) as client:
        for _ in range(2 * BURST):
            client.get(zoho.url)
    assert len([record for record in caplog.records if record.name == "httpx2"]) == 2 * BURST


def test_a_forked_child_writes_its_own(stuck: Stuck) -> None:
    log = logging.getLogger("evergrant")
    write(log, logging.WARNING, "the parent's")
    child = os.fork()
    if child == 0:
        logging.getLogger().handlers = [quick := logging.handlers.BufferingHandler(10)]
        write(log, logging.WARNING, "the child's")
        os._exit([record.getMessage() for record in quick.buffer] != ["the child's"])
    assert os.waitpid(child, 0)[1] == 0


ENDS = """
import logging, sys, threading, time
from evergrant._logging.rate_limited import RateLimitedLog
class Slow(logging.Handler):
    def emit(self, record):
        time.sleep(0.7)
        print(record.getMessage(), flush=True)
logging.getLogger().addHandler(Slow())
log = RateLimitedLog()
for number in range(200):
    log.warning("line %d", number)
"""


def test_the_end_of_a_program_waits_for_its_lines_and_counts_the_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS.replace("0.7", "0.1")],
        stdout=subprocess.PIPE, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == f"line 10 ({200 - BURST} like it in a minute)"


def test_a_log_that_is_a_stopped_reader_of_a_pipe_holds_nobody(
    zoho: Sandbox, keeper: Keeper, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler of the standard library's, a pipe that is full, and a real SIGSTOP."""
    monkeypatch.setattr("evergrant._logging.queued.CALLER_WAITS_S", 0.1)
    log_in(ALICE)
    zoho.clock.advance(hours=2)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin
        os.kill(reader.pid, signal.SIGSTOP)
        handler = logging.StreamHandler(reader.stdin)
        logging.getLogger().addHandler(handler)
        monkeypatch.setattr(logging.getLogger("evergrant"), "level", logging.INFO)
        logging.getLogger("evergrant")._cache.clear()  # type: ignore[attr-defined]
        write(logging.getLogger("evergrant"), logging.INFO, "x" * 200_000)
        began = time.monotonic()
        assert keeper.access_token(ALICE)
        assert time.monotonic() - began < 3
        logging.getLogger().removeHandler(handler)
        os.kill(reader.pid, signal.SIGCONT)
        until(lambda: not late())
        reader.stdin.close()
