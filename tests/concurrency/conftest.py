"""Keepers that share a file, in threads and in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evergrant import Accounts, Keeper, TokenStore, open_store
from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from tests.support.processes.storms import Storm
from tests.support.stores.encrypted_stores import unsealed

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def store_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where the store is: a URL with a place for the folder, or a database of the tests."""
    wanted = unsealed(getattr(request, "param", "sqlite:///{}/tokens.db"), monkeypatch)
    if ":" in wanted:
        return wanted.format(tmp_path)
    url: str = request.getfixturevalue(wanted).url
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[TokenStore]:
    with open_store(store_url) as store:
        yield store


@pytest.fixture
def new_keeper(zoho: Sandbox, store: TokenStore, tmp_path: Path) -> Iterator[Callable[[], Keeper]]:
    """Make a Keeper of its own, as another process has it."""
    opened: list[Accounts] = []

    def new() -> Keeper:
        app = zoho.client
        opened.append(Accounts(app.client_id, app.client_secret, data_centers=zoho.data_centers))
        return Keeper(store, opened[-1], lifeboat=tmp_path)

    yield new
    for accounts in opened:
        accounts.close()


@pytest.fixture
def keeper(new_keeper: Callable[[], Keeper]) -> Keeper:
    return new_keeper()


@pytest.fixture
def expired(zoho: Sandbox, keeper: Keeper) -> Callable[..., None]:
    """Log a user in and let the hour pass, as the stored token tells it."""

    def log_in(email: str, left: timedelta = timedelta(hours=-1)) -> None:
        token = keeper.login_with_code(zoho.grant_code(email))
        past = replace(token, expires_at=utc_now() + left)
        keeper.store.save_token(past, expected_version=token.version)

    return log_in


@pytest.fixture
def crowd(zoho: Sandbox, expired: Callable[..., None]) -> Callable[[int], list[str]]:
    """Log so many users in, and let their hour pass; return their addresses."""

    def log_in(number: int) -> list[str]:
        users = [f"user{index}@example.com" for index in range(number)]
        for index, user in enumerate(users):
            if index % 10 == 9:  # Zoho takes ten codes of a client in ten minutes
                zoho.clock.advance(minutes=11)
            zoho.add_user(user)
            expired(user)
        return users

    return log_in


@pytest.fixture
def storm(zoho: Sandbox, store_url: str, tmp_path: Path) -> Storm:
    return Storm(zoho, store_url, tmp_path)


@pytest.fixture
def in_processes(
    zoho: Sandbox, store_url: str, tmp_path: Path
) -> Callable[..., list[dict[str, Any]]]:
    """Run `worker.py` in several processes that begin together; return what each reports."""

    def run(number: int, **orders: object) -> list[dict[str, Any]]:
        scene = {
            "store": store_url,
            "lifeboat": str(tmp_path),
            "zoho": zoho.url,
            "client": [zoho.client.client_id, zoho.client.client_secret],
            **orders,
        }
        workers = [
            subprocess.Popen(
                [sys.executable, str(WORKER), json.dumps(scene)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(number)
        ]
        for worker in workers:
            assert worker.stdout
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("go\n")
            worker.stdin.flush()
        reports = [worker.communicate(timeout=60)[0] for worker in workers]
        return [json.loads(report) if report else {} for report in reports]

    return run
