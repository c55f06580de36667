"""What finding a token in MySQL costs: against its driver, and against the official DBStore.

The floor is PyMySQL itself: the same row by the same condition, executed and fetched on an open
connection. The official store runs in a process of its own, with the official SDK. Each figure is
the median of rounds in which the contenders take turns.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from operator import truediv
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import pymysql

from databases import fresh_database
from evergrant.clock import utc_now
from evergrant.stores.rows import COLUMNS
from evergrant.stores.sql import SQLStore
from evergrant.token import Token
from official_store import OfficialStore
from servers import MariaDB

DRIVER_LIMIT = 1.6  # times the driver's floor
OFFICIAL_LIMIT = 3.0  # times faster than the official store
TOKENS = 1_000
FIND = f"SELECT {', '.join(COLUMNS)} FROM oauthtoken WHERE user_name = %s AND client_id = %s"  # noqa: S608 - constants


def token(number: int) -> Token:
    secret = random.Random(number).randbytes
    return Token(
        user_name=f"user{number}@example.com:60001",
        client_id="1000.CLIENT",
        client_secret=secret(21).hex(),
        refresh_token=f"1000.{secret(16).hex()}.{secret(16).hex()}",
        access_token=f"1000.{secret(16).hex()}.{secret(16).hex()}",
        expires_at=utc_now() + timedelta(hours=1),
        redirect_url="https://app.example.com/callback",
        api_domain="https://www.zohoapis.eu",
        scopes=("ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL"),
        org_id="60001",
    )


def timed(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return what one call costs, in microseconds."""
    started = time.perf_counter()
    for item in items:
        work(item)
    return (time.perf_counter() - started) / len(items) * 1e6


def verdict(what: str, figure: float, *, holds: bool, limit: float) -> bool:
    print(f"{'PASS' if holds else 'FAIL'}  {what}: {figure:.2f} x (limit {limit:g} x)")
    return holds


def measure(url: str, where: dict[str, Any], times: int) -> bool:
    found: dict[str, list[float]] = {"ours": [], "driver": [], "official": []}
    with (
        SQLStore(url) as store,
        OfficialStore(url) as official,
        closing(pymysql.connect(**where, autocommit=True)) as raw,
        raw.cursor() as cursor,
    ):
        for number in range(TOKENS):
            store.save_token(token(number))

        def floor(pair: tuple[str, str]) -> None:
            cursor.execute(FIND, pair)
            assert cursor.fetchone()

        for _ in range(times):
            chosen = [token(random.randrange(TOKENS)) for _ in range(200)]
            asked = [Token(user_name=each.user_name, client_id=each.client_id) for each in chosen]
            pairs = [(str(each.user_name), str(each.client_id)) for each in chosen]
            turns: list[tuple[str, Callable[[Any], object], Sequence[Any]]] = [
                ("ours", store.find_token, asked),
                ("driver", floor, pairs),
            ]
            for name, work, items in random.sample(turns, 2):
                found[name].append(timed(work, items))
            wanted = [{"user_name": user, "client_id": client} for user, client in pairs[:20]]
            found["official"].append(official("time", wanted))
    ours, driver, theirs = (statistics.median(found[name]) for name in found)
    print(
        f"find in MySQL, {TOKENS:,} tokens: {ours:.0f} us; driver {driver:.0f} us; "
        f"official DBStore {theirs:.0f} us"
    )
    ratio = statistics.median(map(truediv, found["ours"], found["driver"]))
    faster = statistics.median(map(truediv, found["official"], found["ours"]))
    return all(
        [
            verdict("against the driver", ratio, holds=ratio <= DRIVER_LIMIT, limit=DRIVER_LIMIT),
            verdict(
                "faster than the official store",
                faster,
                holds=faster >= OFFICIAL_LIMIT,
                limit=OFFICIAL_LIMIT,
            ),
        ]
    )


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    server = MariaDB()
    try:
        with fresh_database(server) as database:
            where = server.url(database.name)
            login = {"user": where.username, "password": where.password}
            place = {"host": where.host, "port": where.port, "database": database.name}
            return int(
                not measure(database.url, login | place, 9 if "--quick" in arguments else 31)
            )
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
