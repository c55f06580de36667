"""What finding, saving and refreshing cost, from 10 tokens to 1,000,000.

Each cost is shown with what it is of the cost among 10 tokens, and of the floor: what the driver
itself needs in the same round to read the row, or to write it durably (for a refresh: to write it
once). A refresh is all of it, from `Keeper.access_token` to the saved token, on a Zoho in this
process; the parts of it that the store and Zoho take stand below. The tables are filled through
the drivers, and grow in place.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.scale_places import PLACES, Place
from evergrant import Accounts, Keeper, Token
from evergrant.sandbox import Sandbox
from evergrant.stores.rows import Row
from evergrant.testing.in_process_transport import in_process_transport

SIZES = (10, 1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = (10, 1_000, 10_000)
GROWTH_LIMIT = 3.0  # times what it is of the floor among 10 tokens: the driver's own grows too
LOGGED_IN = 10  # users with a grant at Zoho, to refresh
FIRST_ID = 10_000_000  # of the others

Costs = dict[str, list[float]]


def user(number: int) -> str:
    return f"user{number}@example.com:60001"


def row(number: int) -> Row:
    """Return a row of the tables: as long, and as random, as those of Zoho's tokens."""
    noise = blake2b(str(number).encode(), digest_size=53).hexdigest()
    refresh, access = f"1000.{noise[:32]}.{noise[10:42]}", f"1000.{noise[42:74]}.{noise[52:84]}"
    return Row((
        str(FIRST_ID + number), user(number), "1000.CLIENT", noise[64:], refresh, access, "",
        "1893499200000", "https://app.example.com/callback", "https://www.zohoapis.com",
        "ZohoCRM.modules.ALL", "60001", "1700000000000", "1700000000000", None, 1,
    ))  # fmt: skip


class Parts:
    """Where the time of refreshes goes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, owner: object, method: str, name: str) -> None:
        """Note from now on how long the calls of a method take."""
        setattr(owner, method, self.timed(getattr(owner, method), name))

    def timed(self, work: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*arguments, **named)
            finally:
                taken = time.perf_counter() - began
                self.seconds[name] = self.seconds.get(name, 0.0) + taken

        return call

    def __str__(self) -> str:
        total = self.seconds.get("all", 0.0)
        rest = 2 * total - sum(self.seconds.values())
        parts = {name: taken for name, taken in self.seconds.items() if name != "all"}
        return ", ".join(
            f"{name} {taken / total:.0%}" for name, taken in (parts | {"rest": rest}).items()
        )


@dataclass
class Scene:
    """A store with some users who are logged in, among many more."""

    place: Place
    zoho: Sandbox
    keeper: Keeper
    parts: Parts
    refreshed: list[str]

    @classmethod
    @contextmanager
    def open(cls, place: Place, folder: Path) -> Iterator[Scene]:
        parts = Parts()
        with Sandbox(data_centers=("us",)) as zoho, place.open(zoho.clock) as store:
            app = zoho.client
            accounts = Accounts(
                app.client_id,
                app.client_secret,
                data_centers=zoho.data_centers,
                send=parts.timed(in_process_transport(zoho), "Zoho"),
                clock=zoho.clock,
            )
            keeper = Keeper(store, accounts, lifeboat=folder)
            refreshed = []
            for number in range(LOGGED_IN):
                zoho.add_user(f"real{number}@example.com")
                token = keeper.login_with_code(zoho.grant_code(f"real{number}@example.com"))
                refreshed.append(str(token.user_name))
            for method, name in (
                ("find_users", "find"),
                ("lease", "lease"),
                ("update_note", "usage"),
                ("save_token", "save"),
                ("_give_back", "release"),
            ):
                parts.watch(store, method, name)
            yield cls(place, zoho, keeper, parts, refreshed)

    def find(self, numbers: list[int]) -> Iterator[tuple[str, float]]:
        asked = [Token(user_name=user(number), client_id="1000.CLIENT") for number in numbers]
        yield "ours", timed(self.keeper.store.find_token, asked)
        yield "floor", timed(self.place.read, [user(number) for number in numbers])

    def save(self, numbers: list[int]) -> Iterator[tuple[str, float]]:
        store = self.keeper.store
        found = [store.find_token(Token(user_name=user(number))) for number in numbers]
        new = [replace(token, access_token=f"1000.{random.random()}") for token in found if token]
        yield (
            "ours",
            timed(lambda token: store.save_token(token, expected_version=token.version), new),
        )
        yield "floor", timed(self.place.write, [str(token.id) for token in new])

    def refresh(self, numbers: list[int]) -> Iterator[tuple[str, float]]:
        self.zoho.clock.advance(hours=1)
        self.parts.seconds.clear()
        work = self.parts.timed(self.keeper.access_token, "all")
        yield "ours", timed(work, self.refreshed)
        found = [self.keeper.store.find_token(Token(user_name=user(each))) for each in numbers]
        yield "floor", timed(self.place.write, [str(token.id) for token in found if token])


def timed(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return what one call costs, in microseconds."""
    began = time.perf_counter()
    for item in items:
        work(item)
    return (time.perf_counter() - began) / len(items) * 1e6


def measure(scene: Scene, size: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Return the medians of each kind of call, and of what it is of the floor beside it."""
    found = {}
    for name, calls in (("find", 200), ("save", 5), ("refresh", 5)):
        taken: Costs = {"ours": [], "floor": []}
        for _ in range(rounds + 1):
            numbers = random.sample(range(1, size + 1), min(calls, size))
            for who, cost in getattr(scene, name)(numbers):
                taken[who].append(cost)
        ours, floor = (costs[1:] for costs in taken.values())  # the first warms up
        ratio = statistics.median(mine / its for mine, its in zip(ours, floor, strict=True))
        found[name] = statistics.median(ours), ratio
    return found


def run(place: Place, sizes: Sequence[int], rounds: int, folder: Path) -> bool:
    """Print the costs in one kind of store; return whether one has grown too much."""
    print(f"\n{place.name}\n   tokens   " + "".join(f"{what:^34}" for what in KINDS))
    print(" " * 12 + "        us  x 10 tokens   x floor " * len(KINDS))
    first: dict[str, tuple[float, float]] = {}
    growth = 0.0
    with Scene.open(place, folder) as scene:
        for filled, size in pairwise((0, *sizes)):
            place.fill(map(row, range(filled + 1, size + 1)))
            found = measure(scene, size, rounds)
            first = first or found
            cells = (
                f"{cost:10.0f}{cost / first[name][0]:13.2f}{ratio:10.1f} "
                for name, (cost, ratio) in found.items()
            )
            print(f"{size:9,}   " + "".join(cells), flush=True)
            print(f"{'':12}of a refresh: {scene.parts}", flush=True)
            growth = max(ratio / first[name][1] for name, (_, ratio) in found.items())
    return place.has_indexes and growth > GROWTH_LIMIT


KINDS = ("find", "save", "refresh")


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where a cost grows with the number of tokens."""
    quick = "--quick" in arguments
    print(f"times in microseconds, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    failed = False
    for kind in PLACES:
        sizes = [size for size in (QUICK_SIZES if quick else SIZES) if size <= kind.most]
        with tempfile.TemporaryDirectory() as folder, kind(Path(folder)) as place:
            failed |= run(place, sizes, 5 if quick else 21, Path(folder))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
