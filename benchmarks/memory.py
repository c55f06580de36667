"""What 100,000 cached tokens weigh, beside the least that could hold their text.

The tokens are read as a store reads them, row by row, and put where a Keeper keeps those at hand.
The floor is a dict from user name to access token: two texts a user, and nothing else.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable

from benchmarks.scale import row, user
from evergrant._core.token_cache import TokenCache
from evergrant.stores.rows import decode

TOKENS, QUICK_TOKENS = 100_000, 10_000
LIMIT = 2_048  # bytes a token: a fleet's 100,000 users then fit in 200 MB


def weight(fill: Callable[[], object]) -> int:
    """Return the bytes that what ``fill`` returns keeps alive."""
    tracemalloc.start()
    held = fill()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del held
    return size


def main(count: int) -> int:
    def cached() -> TokenCache:
        cache = TokenCache()
        for number in range(count):
            token = decode(row(number))
            cache.put(token.user_name, token, counter=1)
        return cache

    def plain() -> dict[str, str]:
        return {user(number): str(row(number)[5]) for number in range(count)}

    ours, floor = weight(cached) / count, weight(plain) / count
    fits = ours <= LIMIT
    print(f"{count:,} cached tokens: {ours * count / 2**20:.0f} MiB")
    print(f"{'PASS' if fits else 'FAIL'}  {ours:,.0f} bytes a token (at most {LIMIT:,})")
    print(f"      {ours / floor:.1f} times a bare dict of names and access tokens ({floor:,.0f})")
    return int(not fits)


if __name__ == "__main__":
    sys.exit(main(QUICK_TOKENS if "--quick" in sys.argv else TOKENS))
