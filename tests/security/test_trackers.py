"""No secret in what the real error trackers and consoles make of an error, at any failing step."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evergrant import Accounts, Keeper, TokenStore, open_store
from evergrant._crypto.keys import Keyring
from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.errors import EvergrantError, StoreError
from evergrant.stores.adapter import adapt
from evergrant.stores.encrypted import EncryptedStore
from tests.support.security.failing_steps import failures
from tests.support.security.tracked_tokens import MARK, TOKEN, WORK, Leaks
from tests.support.soak import Soak
from tests.support.stores.encrypted_rows import NEW
from tests.support.stores.six_methods import Plain

# A step that fails as something is given back leaves it open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

Make = Callable[[Path], TokenStore]


def _encrypted(folder: Path) -> TokenStore:
    return EncryptedStore(open_store(f"sqlite:///{folder}/t.db", keys=None), Keyring([NEW]))


STORES: dict[str, Make] = {
    "memory": lambda _: open_store("memory:"),
    "list": lambda _: open_store("list:"),
    "sqlite": lambda folder: open_store(f"sqlite:///{folder}/t.db", keys=None),
    "file": lambda folder: open_store(f"file://{folder}/t.csv", keys=None),
    "encrypted": _encrypted,
    "six methods": lambda _: adapt(Plain()),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
def test_a_store_that_fails_at_any_step(
    make: Make,
    work: Callable[[TokenStore], object],
    leaks: Leaks,
    soak: Soak,
    tmp_path: Path,
) -> None:
    with make(tmp_path) as store:
        store.save_token(TOKEN)
        work(store)
        errors = list(failures(lambda: work(store), every=soak.rounds(83, 5)))
    assert errors
    assert [leak for error in errors for leak in leaks(error, quickly=True)] == []
    assert leaks(errors[-1]) == []


@pytest.mark.parametrize("make", [STORES["sqlite"], STORES["encrypted"]], ids=["plain", "sealed"])
def test_a_locked_store(make: Make, leaks: Leaks, tmp_path: Path) -> None:
    make(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "t.db")) as other, make(tmp_path) as store:
        inner: Any = getattr(store, "_inner", store)
        inner._connections.acquire()._timeout = 0
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            store.save_token(TOKEN)
    assert leaks(caught.value) == []


ANSWERS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "an error page": lambda _: HttpResponse(500, {}, b"<html>songbird</html>"),
    "garbage": lambda _: HttpResponse(
        200, {}, b'{"access_token": "no songbird", "api_domain": "x"}'
    ),
    "refused": lambda _: HttpResponse(200, {}, b'{"error": "invalid_code", "why": "songbird"}'),
    "throttled": lambda _: HttpResponse(400, {}, b'{"error": "Access Denied", "t": "songbird"}'),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_what_zoho_answers(
    answer: Callable[[HttpRequest], HttpResponse],
    leaks: Leaks,
    tmp_path: Path,
) -> None:
    store = open_store("memory:")
    stored = store.save_token(replace(TOKEN, expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    with (
        Accounts("1000.ID", MARK * 12, send=answer, sleep=lambda _: None) as accounts,
        Keeper(store, accounts, lifeboat=tmp_path) as keeper,
    ):
        for work in (
            lambda: accounts.refresh(stored),
            lambda: accounts.exchange(f"1000.c{MARK}", verifier=MARK * 12),
            lambda: accounts.fetch_owner(stored),
            lambda: keeper.access_token("alice@example.com"),
            lambda: keeper.login_with_code(f"1000.d{MARK}"),
        ):
            with pytest.raises(EvergrantError) as caught:
                work()
            assert leaks(caught.value) == []


def test_a_connection_that_is_refused(leaks: Leaks) -> None:
    from evergrant.sandbox import Sandbox

    with Sandbox() as zoho:
        known = zoho.data_centers
    with Accounts("1000.ID", MARK * 12, data_centers=known, sleep=lambda _: None) as accounts:
        for work in (
            lambda: accounts.refresh(TOKEN),
            lambda: accounts.exchange(f"1000.c{MARK}", verifier=MARK * 12),
            lambda: accounts.revoke(TOKEN),
            lambda: accounts.revoke(TOKEN, authenticated=True),
        ):
            with pytest.raises(EvergrantError) as caught:
                work()
            assert leaks(caught.value) == []


@pytest.mark.parametrize(
    "url",
    [
        "redis://:songbird@127.0.0.1:1/0",
        "postgresql://u:songbird@127.0.0.1:1/db",
        "mysql://u:songbird@127.0.0.1:1/db",
        "postgresql://u:songbird",
        "redis://h:songbird/0",
        "http://u:songbird",
        "postgresql://h/db;password=songbird",
        "host=h password=songbird dbname=x",
        "postgresql://u%3Asongbird@127.0.0.1:1/db",
        "redis://127.0.0.1:1/0#songbird",
    ],
)
def test_a_store_s_password(url: str, leaks: Leaks) -> None:
    with pytest.raises(EvergrantError) as caught:
        open_store(url)
    assert leaks(caught.value) == []
    assert MARK not in f"{caught.value}{caught.value.hint}"
