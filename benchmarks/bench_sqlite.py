"""What finding and saving a token in SQLite costs: against raw sqlite3, and against the seed.

Each figure is the median of rounds in which the contenders take turns, so that a machine that is
slow for a while is slow for all of them. The floor is sqlite3 itself: one prepared statement on
an open connection, with the same table, indexes, settings and durability.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from operator import truediv
from pathlib import Path
from typing import Any

from benchmarks.seed_store import COLUMNS as SEED_COLUMNS
from benchmarks.seed_store import SeedStore
from evergrant.clock import utc_now
from evergrant.stores.rows import COLUMNS, encode
from evergrant.stores.sqlite import SQLiteStore
from evergrant.token import Token

FIND_LIMIT = 2.5  # times the floor
SAVE_LIMIT = 1.5  # times the floor
FLAT_LIMIT = 1.5  # the greatest number of tokens against the smallest
GENERATION_LIMIT_US = 2.5

SIZES = (10, 1_000, 100_000)
QUICK_SIZES = (10, 1_000, 10_000)
ACTIVE = 100  # of all users, those who are at work: their pages are in SQLite's cache

COLUMN_LIST = ", ".join(COLUMNS)
FIND = f"SELECT {COLUMN_LIST} FROM oauthtoken WHERE user_name = ? AND client_id = ?"  # noqa: S608 - constants
SAVE = (
    "UPDATE oauthtoken SET access_token = ?, expiry_time = ?, updated_at = ?, version = ? "
    "WHERE id = ?"
)


def token(number: int) -> Token:
    secret = random.Random(number).randbytes
    return Token(
        id=str(number),
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
        created_at=utc_now(),
        updated_at=utc_now(),
        version=1,
    )


Turns = dict[str, tuple[Callable[[Any], object], Sequence[Any]]]
"""What each contender does with each of its items."""


class Contest:
    """One store, one raw connection and one seed's store, with the same tokens in files each."""

    def __init__(self, folder: Path, size: int) -> None:
        tokens = [token(number) for number in range(1, size + 1)]
        self.active = random.sample(tokens, min(size, ACTIVE))
        rows = [encode(each) for each in tokens]
        self.store = SQLiteStore(folder / "store.db")
        SQLiteStore(folder / "raw.db").close()
        self.seed = SeedStore(str(folder / "seed.db"))
        for name, columns in (("store", COLUMNS), ("raw", COLUMNS), ("seed", SEED_COLUMNS)):
            marks = ", ".join("?" * len(columns))
            with closing(sqlite3.connect(folder / f"{name}.db")) as connection, connection:
                connection.executemany(
                    f"INSERT INTO oauthtoken ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - constants
                    [row[: len(columns)] for row in rows],
                )
                connection.commit()
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
        self.raw.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        self.raw.close()
        self.store.close()

    def find(self, count: int) -> Turns:
        chosen = random.choices(self.active, k=count)
        asked = [Token(user_name=each.user_name, client_id=each.client_id) for each in chosen]
        values = [(each.user_name, each.client_id) for each in chosen]
        wanted = [{"user_name": each.user_name} for each in chosen[: max(1, count // 50)]]
        return {
            "ours": (self.store.find_token, asked),
            "raw": (lambda pair: self.raw.execute(FIND, pair).fetchone(), values),
            "seed": (self.seed.find_token, wanted),
        }

    def save(self, count: int) -> Turns:
        chosen = random.sample(self.active, min(count, len(self.active)))
        stored = [self.store.find_token_by_id(str(each.id)) for each in chosen]
        refreshed = [
            replace(each, access_token=f"{random.random()}" * 4) for each in stored if each
        ]
        rows = [encode(each) for each in refreshed]
        values = [(row[5], row[7], row[13], 1, row[0]) for row in rows]
        seeds = [dict(zip(SEED_COLUMNS, row, strict=False)) for row in rows]

        def raw(row: tuple[object, ...]) -> None:
            self.raw.execute("BEGIN IMMEDIATE")
            self.raw.execute(SAVE, row)
            self.raw.execute("COMMIT")

        return {
            "ours": (
                lambda each: self.store.save_token(each, expected_version=each.version),
                refreshed,
            ),
            "raw": (raw, values),
            "seed": (self.seed.save_token, seeds[:1]),
        }


def timed(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return what one call costs, in microseconds."""
    started = time.perf_counter()
    for item in items:
        work(item)
    return (time.perf_counter() - started) / len(items) * 1e6


def rounds(turns: Callable[[int], Turns], calls: int, times: int) -> dict[str, float]:
    """Return the medians, and of the ratios the median too: neighbours share their weather."""
    for name in ("ours", "raw"):
        timed(*turns(ACTIVE)[name])  # whatever is only slow the first time
    found: dict[str, list[float]] = {"ours": [], "raw": [], "seed": []}
    for _ in range(times):
        contenders = turns(calls)
        # In another order each time: a disk is busy with what the one before has left it.
        for name in random.sample(["ours", "raw"], 2):
            found[name].append(timed(*contenders[name]))
    for _ in range(9):
        found["seed"].append(timed(*turns(calls)["seed"]))
    ratio = statistics.median(map(truediv, found["ours"], found["raw"]))
    return {name: statistics.median(costs) for name, costs in found.items()} | {"ratio": ratio}


def line(what: str, size: int, figures: dict[str, float], limit: float) -> bool:
    ours, raw, seed, ratio = (figures[name] for name in ("ours", "raw", "seed", "ratio"))
    print(
        f"{what}  {size:>7,} tokens  {ours:9.1f} us  {ratio:5.2f} x raw sqlite3 ({raw:.1f} us, "
        f"limit {limit:g} x)  seed {seed:9.1f} us: {seed / ours:6.1f} x ours"
    )
    return ratio > limit


def generation_cost(times: int) -> float:
    with tempfile.TemporaryDirectory() as name, SQLiteStore(Path(name) / "store.db") as store:
        store.save_token(token(1))
        return statistics.median(
            timed(lambda _: store.change_counter(), range(2_000)) for _ in range(times)
        )


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    quick = "--quick" in arguments
    times = 9 if quick else 31
    failed = False
    finds = []
    for size in QUICK_SIZES if quick else SIZES:
        with tempfile.TemporaryDirectory() as name, closing(Contest(Path(name), size)) as contest:
            found = rounds(contest.find, 500, times)
            saved = rounds(contest.save, 1, times * 40)
            finds.append(found["ours"])
            failed |= line("find", size, found, FIND_LIMIT)
            failed |= line("save", size, saved, SAVE_LIMIT)
    growth = finds[-1] / finds[0]
    cost = generation_cost(times)
    print(f"find, most tokens against fewest: {growth:.2f} x  (limit {FLAT_LIMIT:g} x)")
    print(f"generation: {cost:.2f} us  (limit {GENERATION_LIMIT_US:g} us)")
    return int(failed or growth > FLAT_LIMIT or cost > GENERATION_LIMIT_US)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
