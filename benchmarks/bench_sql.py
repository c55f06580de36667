"""What finding a token in MySQL costs: against its driver, and against the official DBStore.

The floor is PyMySQL itself: the same row by the same condition, executed and fetched on an open
connection. The official store runs in a process of its own, with the official SDK. Each figure is
the median of rounds in which the contenders take turns.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from operator import truediv
from typing import Any

import pymysql

from benchmarks.bench_sqlite import timed, token
from evergrant.stores.rows import COLUMNS
from evergrant.stores.sql import SQLStore
from evergrant.token import Token
from tests.support.sdk.official_db_process import OfficialStore
from tests.support.servers.databases import fresh_database
from tests.support.servers.sql_servers import MariaDB

DRIVER_LIMIT = 1.6  # times the driver's floor
OFFICIAL_LIMIT = 3.0  # times faster than the official store
TOKENS = 1_000
FIND = f"SELECT {', '.join(COLUMNS)} FROM oauthtoken WHERE user_name = %s AND client_id = %s"  # noqa: S608 - constants


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
