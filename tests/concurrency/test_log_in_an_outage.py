"""A hundred threads in an outage: the log stays short, and counts what it leaves out."""

from __future__ import annotations

import logging
import resource
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from evergrant import Accounts, Keeper, Token, TokenStore, open_store
from evergrant._logging import rate_limited
from evergrant._logging.rate_limited import BURST
from evergrant.clock import utc_now
from evergrant.errors import EvergrantError
from evergrant.sandbox import Sandbox
from tests.support.servers.databases import Database
from tests.support.servers.redis_servers import Redis

THREADS, ROUNDS = 100, 3


@pytest.fixture(autouse=True)
def _as_in_a_program(_every_line_of_the_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evergrant._logging.rate_limited.PERIOD_S", 60.0)
    monkeypatch.setattr("evergrant._core.saver.PAUSES_S", (0, 0))
    for log in list(rate_limited._all):
        log._kinds.clear()  # of the tests before


@contextmanager
def keeping(zoho: Sandbox, store: TokenStore, folder: Path) -> Iterator[Keeper]:
    app = zoho.client
    with Accounts(
        app.client_id,
        app.client_secret,
        data_centers=zoho.data_centers,
        timeout=1,
        sleep=lambda _: None,
    ) as accounts:
        keeper = Keeper(store, accounts, lifeboat=folder / "boat")
        yield keeper
        keeper.close()


def users(zoho: Sandbox, store: TokenStore, keeper: Keeper) -> list[str]:
    """Keep a hundred tokens of one grant: every second one has expired, the others are in use."""
    token = keeper.login_with_code(zoho.grant_code("alice@example.com", self_client=True))
    names = [f"u{number}@example.com" for number in range(THREADS)]
    for number, name in enumerate(names):
        life = timedelta(minutes=50) if number % 2 else -timedelta(hours=1)
        store.save_token(
            Token(
                user_name=name,
                client_id=token.client_id,
                client_secret=token.client_secret,
                refresh_token=f"{token.refresh_token}",
                api_domain=token.api_domain,
                access_token=f"1000.{name}",
                expires_at=utc_now() + life,
            )
        )
        if number % 2:
            keeper.access_token(name)
    return names


def ask_all(keeper: Keeper, names: list[str]) -> None:
    def ask(name: str) -> None:
        for _ in range(ROUNDS):
            with suppress(EvergrantError):
                keeper.access_token(name)

    threads = [threading.Thread(target=ask, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)


def is_short(caplog: pytest.LogCaptureFixture) -> None:
    kinds = Counter((record.name, record.levelno, record.msg) for record in caplog.records)
    assert max(kinds.values(), default=0) <= 3 * BURST, (
        kinds
    )  # events are of a kind for each kind of error
    assert len(caplog.records) <= 6 * BURST, kinds


def test_a_read_only_sqlite(
    zoho: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    with (
        open_store(f"sqlite:///{folder}/tokens.db?timeout=0") as store,
        keeping(zoho, store, tmp_path) as keeper,
    ):
        names = users(zoho, store, keeper)
    caplog.clear()
    caplog.set_level(logging.INFO)
    with (
        open_store(f"sqlite:///{folder}/tokens.db?timeout=0", read_only=True) as store,
        keeping(zoho, store, tmp_path) as keeper,
    ):
        ask_all(keeper, names)
    is_short(caplog)


def test_a_stopped_redis(zoho: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Redis()
    try:
        with (
            open_store(f"{server.place()}?timeout=1") as store,
            keeping(zoho, store, tmp_path) as keeper,
        ):
            names = users(zoho, store, keeper)
            caplog.clear()
            caplog.set_level(logging.INFO)
            server.stop()
            ask_all(keeper, names)
    finally:
        server.close()
    is_short(caplog)


def test_a_stopped_postgresql(
    zoho: Sandbox, tmp_path: Path, postgresql: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(postgresql.url) as store, keeping(zoho, store, tmp_path) as keeper:
        names = users(zoho, store, keeper)
        caplog.clear()
        caplog.set_level(logging.INFO)
        postgresql.server.stop()
        try:
            ask_all(keeper, names)
        finally:
            postgresql.server.start()
    is_short(caplog)


def test_a_full_disk(zoho: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"file://{tmp_path}/tokens.csv"
    with open_store(url) as store, keeping(zoho, store, tmp_path) as keeper:
        names = users(zoho, store, keeper)
        caplog.clear()
        caplog.set_level(logging.INFO)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        try:
            ask_all(keeper, names)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
    is_short(caplog)


@pytest.mark.parametrize("how", ["refused", "in trouble", "silent"])
def test_accounts_servers_that_are_down(
    zoho: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    url = f"sqlite:///{tmp_path}/tokens.db"
    with open_store(url) as store, keeping(zoho, store, tmp_path) as keeper:
        names = users(zoho, store, keeper)
        caplog.clear()
        caplog.set_level(logging.INFO)
        if how == "refused":
            zoho.faults.refuse(times=None)
        elif how == "in trouble":
            zoho.faults.server_error(times=None)
        else:
            zoho.faults.drop_answer(times=None)
        ask_all(keeper, names)
        zoho.faults.clear()
    is_short(caplog)
