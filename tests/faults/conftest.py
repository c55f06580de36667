"""A store that things happen to, and processes that work on it meanwhile."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from filelock import FileLock

from evergrant import Accounts, Keeper, TokenStore, open_store
from evergrant.sandbox import Sandbox
from tests.support.stores.encrypted_stores import SEALED, unsealed

WORKER = Path(__file__).with_name("faulty_worker.py")

SQLITE, FILE = "sqlite:///{}/tokens.db", "file://{}/tokens.csv"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path


@pytest.fixture(params=[SQLITE, FILE, SEALED + SQLITE], ids=["sqlite", "file", "sealed"])
def store_url(request: pytest.FixtureRequest, place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return unsealed(request.param, monkeypatch).format(place)


@pytest.fixture
def store(store_url: str) -> Iterator[TokenStore]:
    with open_store(store_url, timeout=0.05) as store:
        yield store


@pytest.fixture
def new_keeper(zoho: Sandbox, store: TokenStore, boat: Path) -> Iterator[Callable[[], Keeper]]:
    """Make a Keeper as the next process has it."""
    opened: list[Accounts] = []

    def new() -> Keeper:
        app = zoho.client
        opened.append(Accounts(app.client_id, app.client_secret, data_centers=zoho.data_centers))
        return Keeper(store, opened[-1], lifeboat=boat)

    yield new
    for accounts in opened:
        accounts.close()


@pytest.fixture
def expired(zoho: Sandbox, new_keeper: Callable[[], Keeper]) -> Callable[[str], None]:
    """Log a user in and let the hour pass, as the stored token tells it."""

    def log_in(email: str) -> None:
        keeper = new_keeper()
        token = keeper.login_with_code(zoho.grant_code(email))
        assert token.expires_at
        past = replace(token, expires_at=token.expires_at - timedelta(hours=2))
        keeper.store.save_token(past, expected_version=token.version)

    return log_in


@pytest.fixture
def asked(zoho: Sandbox) -> Callable[[], int]:
    """Count the tokens that Zoho was asked for, by code or refresh."""
    return lambda: zoho.calls.count(path="/oauth/v2/token")


@pytest.fixture
def locked(place: Path, store_url: str) -> Callable[[], AbstractContextManager[None]]:
    """Keep everybody from writing to the store; reading goes on."""

    @contextmanager
    def lock() -> Iterator[None]:
        if store_url.startswith("file:"):
            with FileLock(place / "tokens.csv.lock"):
                yield
            return
        with closing(sqlite3.connect(place / "tokens.db")) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.rollback()

    return lock


class Start(Protocol):
    def __call__(self, **orders: object) -> subprocess.Popen[str]: ...


@pytest.fixture
def start(zoho: Sandbox, store_url: str, boat: Path) -> Iterator[Start]:
    """Start `faulty_worker.py`, which opens the store and waits for a line to go on."""
    started: list[subprocess.Popen[str]] = []

    def begin(**orders: object) -> subprocess.Popen[str]:
        scene: dict[str, Any] = {
            "store": store_url,
            "lifeboat": str(boat),
            "zoho": zoho.url,
            "client": [zoho.client.client_id, zoho.client.client_secret],
            **orders,
        }
        process = subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(scene)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


class Disk(ABC):
    """What can be full, and free again.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @abstractmethod
    def fill(self, *, elsewhere: int = 0) -> None:
        """Leave no room.

        Args:
            elsewhere: Bytes that a file may have at the least, if it is not on this disk.
        """

    @abstractmethod
    def free(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


class Mounted(Disk):
    """A disk of its own, of 2 MiB in memory.

    Raises:
        CalledProcessError: Nothing may be mounted here.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)

    def fill(self, *, elsewhere: int = 0) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            for size in (4096, 1):
                with suppress(OSError):
                    while ballast.write(bytes(size)):
                        pass
        assert os.statvfs(self.folder).f_bavail == 0

    def free(self) -> None:
        (self.folder / "ballast").unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


class Limited(Disk):
    """A system that lets this process write no file beyond a size."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, *, elsewhere: int = 0) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (elsewhere, self._before[1]))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)

    def close(self) -> None:
        self.free()


@pytest.fixture(params=[Mounted, Limited], ids=["full disk", "size limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    disk: Disk
    try:
        disk = request.param(tmp_path / "disk")
    except (OSError, subprocess.CalledProcessError):
        disk = Limited(tmp_path / "no-mount")
    yield disk
    disk.close()
