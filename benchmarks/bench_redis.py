"""What finding a token in Redis costs, against the client itself.

The floor is the client's HGETALL of the same row on an open connection. Each figure is the median
of rounds in which the contenders take turns.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Callable, Sequence
from operator import truediv
from typing import Any

from benchmarks.bench_sql import verdict
from benchmarks.bench_sqlite import timed, token
from evergrant.stores import open_store
from evergrant.token import Token
from tests.support.servers.redis_servers import Redis, Space

LIMIT = 1.6  # times the client's own HGETALL
TOKENS = 1_000


def measure(server: Redis, times: int) -> bool:
    space = Space(server)
    found: dict[str, list[float]] = {"ours": [], "client": []}
    prefix = space.url.rpartition("=")[2]
    with open_store(space.url) as store, server.client() as client:
        for number in range(TOKENS):
            store.save_token(token(number))

        def floor(id_: str) -> None:
            assert client.hgetall(f"{{{prefix}}}:row:{id_}")

        for _ in range(times):
            chosen = [token(random.randrange(TOKENS)) for _ in range(200)]
            asked = [Token(user_name=each.user_name, client_id=each.client_id) for each in chosen]
            turns: list[tuple[str, Callable[[Any], object], Sequence[Any]]] = [
                ("ours", store.find_token, asked),
                ("client", floor, [str(each.id) for each in chosen]),
            ]
            for name, work, items in random.sample(turns, 2):
                found[name].append(timed(work, items))
    ours, client_us = (statistics.median(found[name]) for name in found)
    print(f"find in Redis, {TOKENS:,} tokens: {ours:.0f} us; HGETALL {client_us:.0f} us")
    ratio = statistics.median(map(truediv, found["ours"], found["client"]))
    return verdict("against the client's HGETALL", ratio, holds=ratio <= LIMIT, limit=LIMIT)


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    server = Redis()
    try:
        return int(not measure(server, 9 if "--quick" in arguments else 31))
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
