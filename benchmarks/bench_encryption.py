"""What encryption adds to a find, in microseconds: the same store with a key and without.

Each figure is the median of rounds in which the two take turns.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable, Sequence
from operator import sub
from typing import Any

from benchmarks.bench_sqlite import timed, token
from evergrant._crypto.keys import Key, Keyring
from evergrant.stores import open_store
from evergrant.stores.base import TokenStore
from evergrant.stores.encrypted import EncryptedStore
from evergrant.stores.memory import MemoryStore
from evergrant.token import Secret, Token

LIMIT_US = 15.0
TOKENS = 1_000


def by_user(each: Token) -> Token:
    return Token(user_name=each.user_name, client_id=each.client_id)


def by_access_token(each: Token) -> Token:
    return Token(access_token=each.access_token)


ASKED: dict[str, Callable[[Token], Token]] = {"user": by_user, "access token": by_access_token}


def measure(name: str, plain: TokenStore, sealed: TokenStore, times: int) -> bool:
    for number in range(TOKENS):
        for store in (plain, sealed):
            store.save_token(token(number))
    good = True
    for what, asked_by in ASKED.items():
        found: dict[str, list[float]] = {"sealed": [], "plain": []}
        for _ in range(times):
            asked = [asked_by(token(random.randrange(TOKENS))) for _ in range(200)]
            turns: list[tuple[str, Callable[[Any], object], Sequence[Any]]] = [
                ("sealed", sealed.find_token, asked),
                ("plain", plain.find_token, asked),
            ]
            for which, work, items in random.sample(turns, 2):
                found[which].append(timed(work, items))
        more = statistics.median(map(sub, found["sealed"], found["plain"]))
        good &= more <= LIMIT_US
        print(
            f"{'PASS' if more <= LIMIT_US else 'FAIL'}  find by {what}, {name}: "
            f"plain {statistics.median(found['plain']):.1f} us, "
            f"sealed {more:.1f} us more (limit {LIMIT_US:g} us)"
        )
    return good


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    times = 9 if "--quick" in arguments else 31
    keyring = Keyring([Key(Secret(b64encode(os.urandom(32)).decode()))])
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{folder}/{name}.db" for name in ("plain", "sealed")]
        with (
            open_store(urls[0], keys=None) as plain,
            open_store(urls[1], keys=keyring) as sealed,
        ):
            good = measure("SQLite", plain, sealed, times)
    inner = EncryptedStore(MemoryStore(), keyring)
    return int(not (measure("memory", MemoryStore(), inner, times) and good))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
