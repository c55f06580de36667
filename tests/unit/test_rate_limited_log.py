"""The log is bounded: what goes on happening is counted, not told a hundred times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token, open_store
from evergrant._logging import rate_limited
from evergrant._logging.rate_limited import BURST, RateLimitedLog
from evergrant.errors import CorruptRecord, EvergrantError, StoreUnavailable
from evergrant.events import StoreFailed, safe_listener
from evergrant.sandbox import Sandbox
from evergrant.stores.base import log_corrupt
from tests.support.waiting import until

PERIOD = 60.0


@pytest.fixture(autouse=True)
def _as_in_a_program(
    _every_line_of_the_log: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setattr("evergrant._logging.rate_limited.PERIOD_S", PERIOD)
    yield
    rate_limited._end()  # or the counts of these tests are printed when all tests are over


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1_000.0]
    monkeypatch.setattr("evergrant._logging.rate_limited.time.monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_more_lines_than_anybody_reads_are_counted(
    caplog: pytest.LogCaptureFixture, later: Callable[[float], None]
) -> None:
    log = RateLimitedLog()
    for number in range(10_000):
        log.warning("the store is gone (%d)", number)
        log.warning("another thing")
    assert len(caplog.messages) == 2 * BURST
    assert caplog.messages[0] == "the store is gone (0)"
    later(PERIOD)
    log.warning("the store is gone (%d)", 10_000)
    assert (
        caplog.messages[-1]
        == f"the store is gone (10000) (and {10_000 - BURST} more like it before)"
    )
    later(PERIOD)
    log.warning("the store is gone (%d)", 10_001)
    assert caplog.messages[-1] == "the store is gone (10001)"


def test_what_was_left_out_is_counted_even_if_no_more_of_it_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evergrant._logging.rate_limited.PERIOD_S", 1.0)
    log = RateLimitedLog()
    for number in range(100):
        log.warning("the store is gone (%d)", number)
    told = [f"the store is gone ({BURST}) ({100 - BURST} like it in a minute)"]
    until(lambda: caplog.messages[BURST:] == told, told=lambda: caplog.messages)
    log.end()
    assert caplog.messages[BURST:] == told


def test_threads_together_write_no_more(caplog: pytest.LogCaptureFixture) -> None:
    log = RateLimitedLog()

    def write() -> None:
        for _ in range(500):
            log.error("gone")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(caplog.messages) == BURST


def test_a_listener_that_always_raises_and_corrupt_rows_do_not_fill_the_disk(
    caplog: pytest.LogCaptureFixture, zoho: Sandbox
) -> None:
    def fail(event: object) -> None:
        raise RuntimeError

    emit = safe_listener(fail)
    for _ in range(1_000):
        emit(StoreFailed(at=zoho.clock(), error=StoreUnavailable("gone")))
        log_corrupt(CorruptRecord("cannot be read"))
    assert len(caplog.messages) <= 3 * BURST


def test_a_hundred_users_who_wait_for_a_store_that_takes_nothing(
    tmp_path: Path,
    zoho: Sandbox,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))
    url = f"sqlite:///{tmp_path}/tokens.db?timeout=0"
    with (
        Accounts(
            zoho.client.client_id,
            zoho.client.client_secret,
            data_centers=zoho.data_centers,
            clock=zoho.clock,
        ) as accounts,
        open_store(url, clock=zoho.clock) as store,
    ):
        keeper = Keeper(store, accounts, lifeboat=tmp_path / "boat")
        token = keeper.login_with_code(zoho.grant_code("alice@example.com", self_client=True))
        names = [f"u{number}@example.com" for number in range(100)]
        for name in names:
            store.save_token(
                Token(
                    user_name=name,
                    client_id=token.client_id,
                    refresh_token=f"{token.refresh_token}",
                    api_domain=token.api_domain,
                    access_token=f"1000.{name}",
                    expires_at=zoho.clock(),
                )
            )

        def refuse(*args: object, **kwargs: object) -> Token:
            raise StoreUnavailable("attempt to write a readonly database")

        for method in ("save_token", "update_note", "lease"):
            monkeypatch.setattr(store, method, refuse)
        caplog.clear()
        for _ in range(3):
            for name in names:
                with pytest.raises(EvergrantError):
                    keeper.access_token(name)
        kinds = {record.msg for record in caplog.records}
        assert len(caplog.records) <= BURST * len(kinds) * 2
        keeper.close()
