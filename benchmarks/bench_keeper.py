"""What a caller pays: a cached access token, and the import."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import timeit
from datetime import timedelta
from pathlib import Path

from evergrant import Accounts, Keeper, Token, open_store
from evergrant.clock import utc_now

CACHED_LIMIT_US = 5.0
IMPORT_LIMIT_MS = 60.0
CALLS = 20_000


def cached_access_token(url: str, folder: Path) -> float:
    """Return the median cost of `Keeper.access_token` with a cached token, in microseconds."""
    with open_store(url) as store:
        store.save_token(
            Token(
                user_name="alice@example.com:1",
                client_id="1000.CLIENT",
                refresh_token="1000.refresh",
                access_token="1000.access",
                expires_at=utc_now() + timedelta(hours=1),
            )
        )
        keeper = Keeper(store, Accounts("1000.CLIENT", "secret"), lifeboat=folder)
        keeper.access_token("alice@example.com:1")
        rounds = timeit.repeat(
            lambda: keeper.access_token("alice@example.com:1"), number=CALLS, repeat=7
        )
    return statistics.median(rounds) / CALLS * 1e6


def import_cost() -> float:
    """Return the median cost of `import evergrant` in a new interpreter, in milliseconds."""
    program = """
import time
began = time.perf_counter()
import evergrant
print((time.perf_counter() - began) * 1000)
"""
    costs = [
        float(
            subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
        )
        for _ in range(9)
    ]
    return statistics.median(costs)


def main() -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, url in (("memory", "memory:"), ("sqlite", f"sqlite:///{folder}/bench.db")):
            cost = cached_access_token(url, folder)
            failed |= cost > CACHED_LIMIT_US
            print(f"access_token, cached, {label:7} {cost:6.2f} us  (limit {CACHED_LIMIT_US:g} us)")
    cost = import_cost()
    failed |= cost > IMPORT_LIMIT_MS
    print(f"import evergrant              {cost:6.2f} ms  (limit {IMPORT_LIMIT_MS:g} ms)")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
