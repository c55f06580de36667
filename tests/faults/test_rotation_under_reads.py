"""A new key takes over a large store that is read from all the time; the rotation is killed."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from evergrant import Token, TokenStore, open_store
from evergrant._crypto.key_file import read_lines
from evergrant._crypto.key_format import parse_keys
from evergrant.errors import EvergrantError
from evergrant.stores.encrypted import BATCH, EncryptedStore
from evergrant.stores.matching import Criterion
from evergrant.stores.row_cipher import key_id
from evergrant.stores.rows import encode
from tests.support.soak import Soak

READS_A_SECOND = 1_000
TICK = 0.01
"""Seconds after which a reader looks how many reads are due."""


FIRST_ID = 10_000_000


def token(number: int) -> Token:
    return Token(
        id=str(FIRST_ID + number),
        user_name=f"user{number}@example.com:60001",
        client_id="1000.CLIENT",
        client_secret="the client's",
        refresh_token=f"1000.refresh-{number:028}.{number:032}",
        access_token=f"1000.access-{number:029}.{number:032}",
        api_domain="https://www.zohoapis.com",
        scopes=("ZohoCRM.modules.ALL",),
        version=1,
    )


def fill(store: EncryptedStore, count: int) -> None:
    """Insert rows as saves would leave them, many in one transaction."""
    for first in range(0, count, 5_000):
        with store._inner._transaction():
            for number in range(first, min(first + 5_000, count)):
                assert store._inner._insert(store._encode_row(encode(token(number))))


class Reader(threading.Thread):
    """Reads a thousand tokens a second, by all that a token is found by.

    Attributes:
        failures: What went wrong, in words.
        waits: How long each read took, in seconds.
    """

    def __init__(self, store: TokenStore, count: int) -> None:
        super().__init__(daemon=True)
        self._store, self._count = store, count
        self._end = threading.Event()
        self.failures: list[str] = []
        self.waits: list[float] = []
        self.began = time.monotonic()

    def run(self) -> None:
        while not self._end.wait(TICK):
            due = int((time.monotonic() - self.began) * READS_A_SECOND) - len(self.waits)
            for _ in range(due):
                self._read(random.randrange(self._count))

    def _read(self, number: int) -> None:
        whole = token(number)
        asked = random.choice(
            (
                Token(user_name=whole.user_name, client_id=whole.client_id),
                Token(access_token=whole.access_token),
                Token(id=whole.id),
            )
        )
        began = time.monotonic()
        try:
            if asked.id:
                found = self._store.find_token_by_id(asked.id)
            else:
                found = self._store.find_token(asked)
        except EvergrantError as error:
            self.failures.append(str(error))
        else:
            if found != whole:
                self.failures.append(f"{number}: {found}")
        self.waits.append(time.monotonic() - began)

    def end(self) -> float:
        """Return how many reads there were in a second."""
        self._end.set()
        self.join()
        return len(self.waits) / (time.monotonic() - self.began)


def sealed_with(store: EncryptedStore, number: int) -> str | None:
    (row,) = store._inner._select(Criterion(id=str(FIRST_ID + number)))
    return key_id(row)


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVERGRANT_KEY_FILE", str(tmp_path / "keys"))
    return tmp_path / "keys"


def evergrant(*words: str) -> list[str]:
    return [sys.executable, "-m", "evergrant", *words]


def new_key(file: Path) -> str:
    subprocess.run(evergrant("keys", "generate", f"--file={file}"), check=True, capture_output=True)
    (key,) = parse_keys(read_lines(file)[0], "file")
    return key.id


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_rotation_that_is_killed_and_resumed_fails_no_read(
    kind: str, key_file: Path, tmp_path: Path, soak: Soak, request: pytest.FixtureRequest
) -> None:
    url = (
        f"sqlite:///{tmp_path}/tokens.db"
        if kind == "sqlite"
        else request.getfixturevalue("postgresql").url
    )
    count, kills = soak.rounds(3_000, 1_000_000), soak.rounds(3, 20)
    new_key(key_file)
    with open_store(url) as store:
        assert isinstance(store, EncryptedStore)
        fill(store, count)
        reader = Reader(store, count)
        reader.start()
        newest, began = new_key(key_file), time.monotonic()
        rotate = evergrant(f"--store={url}", "keys", "rotate")
        # Batches are in the order of ids: each rotation has to come as far as the row.
        for number in sorted(random.sample(range(count - BATCH), kills)):
            with subprocess.Popen(rotate, stderr=subprocess.DEVNULL) as rotation:
                while sealed_with(store, number) != newest:
                    assert rotation.poll() is None, "it ended before it was done"
                    time.sleep(0.001)
                rotation.kill()
        assert store.key_ids()[newest] < count
        done = subprocess.run(rotate, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        seconds, rate = time.monotonic() - began, reader.end()
        assert reader.failures == []
        assert store.key_ids() == {newest: count}
        assert all(found == token(int(found.id or 0) - FIRST_ID) for found in store.iter_tokens())
    soak.note(
        "rotation under reads",
        store=kind,
        rows=count,
        seconds=round(seconds),
        kills=kills,
        reads=len(reader.waits),
        reads_a_second=round(rate),
        failed_reads=len(reader.failures),
        p50_ms=round(statistics.median(reader.waits) * 1e3, 2),
        p99_ms=round(statistics.quantiles(reader.waits, n=100)[98] * 1e3, 1),
        slowest_ms=round(max(reader.waits) * 1e3),
    )
