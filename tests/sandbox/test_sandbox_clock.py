from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from evergrant.clock import utc_now
from evergrant.sandbox import RemoteClock, Sandbox, SandboxClock, Settings
from tests.support.sandbox.accounts_caller import Caller


def test_a_clock_starts_at_the_real_time_and_runs() -> None:
    before = utc_now()
    clock = SandboxClock()
    assert before <= clock.now() <= clock() <= utc_now()
    assert clock().tzinfo is UTC


def test_a_clock_is_moved_by_any_unit() -> None:
    clock = SandboxClock(frozen=True)
    before = clock()
    after = clock.advance(days=1, hours=2, minutes=3, seconds=4.5)
    assert after == clock() == before + timedelta(days=1, hours=2, minutes=3, seconds=4.5)


def test_a_clock_can_jump_back() -> None:
    clock = SandboxClock(frozen=True)
    before = clock()
    assert clock.advance(hours=-1) == before - timedelta(hours=1)


def test_a_clock_can_start_elsewhere() -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    assert SandboxClock(start, frozen=True)() == start
    assert start <= SandboxClock(start)() < start + timedelta(minutes=1)


def test_a_frozen_clock_stands() -> None:
    with Sandbox(settings=Settings(frozen_clock=True)) as zoho:
        assert zoho.clock.now() == zoho.clock.now()
    given = SandboxClock(frozen=True)
    assert Sandbox(clock=given).clock is given


def test_the_date_header_shows_the_sandboxs_time(zoho: Sandbox, app: Caller) -> None:
    for _ in range(2):
        zoho.clock.advance(days=365)
        shown = parsedate_to_datetime(app.get("/oauth/serverinfo").headers["date"])
        assert shown == zoho.clock.now().replace(microsecond=0)


def test_a_remote_clock_follows_over_http(zoho: Sandbox) -> None:
    clock = RemoteClock(zoho.url, max_age=0)
    assert abs(clock() - zoho.clock()) < timedelta(minutes=1)
    zoho.clock.advance(days=30)
    assert abs(clock() - zoho.clock()) < timedelta(minutes=1)


def test_a_remote_clock_asks_only_so_often(zoho: Sandbox) -> None:
    clock = RemoteClock(zoho.url, max_age=600)
    first = clock()
    zoho.clock.advance(days=1)
    assert clock() - first < timedelta(hours=1)


def test_a_remote_clock_ignores_proxies(zoho: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert abs(RemoteClock(zoho.url)() - zoho.clock()) < timedelta(minutes=1)


def test_a_remote_clock_without_a_sandbox_says_so() -> None:
    with Sandbox() as zoho:
        clock = RemoteClock(zoho.url)
    with pytest.raises(ConnectionError, match="no sandbox tells the time"):
        clock()
