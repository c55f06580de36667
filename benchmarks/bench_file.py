"""What finding and saving a token in a CSV file costs: against Zoho's own FileStore, on one file.

Both find in the same file, and each saves in a copy of its own. They take turns, so that a
machine that is slow for a while is slow for both. EVERGRANT_SDK_PYTHON names the Python that has
Zoho's SDK; `./dev bench` sets it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from evergrant.stores.file import FileStore
from evergrant.token import Token

FIND_LIMIT = 50  # times faster than the official store
SAVE_LIMIT = 1.0
TOKENS = 10_000
SCRIPT = Path(__file__).with_name("official_file_store.py")
HEADER = (
    "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,"
    "expiry_time,redirect_uri,api_domain"
)

Official = Callable[..., Any]


def line(number: int) -> str:
    secret = random.Random(number).randbytes
    return (
        f"{number},{user(number)},1000.CLIENT,{secret(21).hex()},"
        f"1000.{secret(16).hex()}.{secret(16).hex()},1000.{secret(16).hex()}.{secret(16).hex()},,"
        "1893499200000,https://app.example.com/callback,https://www.zohoapis.eu"
    )


def user(number: int) -> str:
    return f"user{number}@example.com:60001"


@contextmanager
def official_process(folder: str) -> Iterator[Official]:
    """Run Zoho's SDK in a process of its own, in its own environment."""
    command = [os.environ["EVERGRANT_SDK_PYTHON"], "-I", str(SCRIPT)]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        send, receive = process.stdin, process.stdout

        def ask(step: str, **arguments: Any) -> Any:
            send.write(json.dumps([step, arguments]) + "\n")
            send.flush()
            return json.loads(receive.readline())

        yield ask
        send.close()


def timed(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Return what one call costs, in seconds."""
    started = time.perf_counter()
    for item in items:
        work(item)
    return (time.perf_counter() - started) / len(items)


def report(what: str, ours: list[float], theirs: list[float], limit: float) -> bool:
    ratio = statistics.median(t / o for o, t in zip(ours, theirs, strict=True))
    print(
        f"{what}  {TOKENS:,} tokens  {statistics.median(ours) * 1e6:9.1f} us  "
        f"official {statistics.median(theirs) * 1e6:9.1f} us: {ratio:6.1f} x ours  "
        f"(at least {limit:g} x)"
    )
    return ratio < limit


def finds(store: FileStore, official: Official, path: Path, rounds: int) -> bool:
    ours, theirs = [], []
    for _ in range(rounds):
        chosen = [user(random.randint(1, TOKENS)) for _ in range(1_000)]
        ours.append(timed(store.find_token, [Token(user_name=name) for name in chosen]))
        theirs.append(official("time_finding", path=str(path), users=chosen[:5]))
    return report("find", ours, theirs, FIND_LIMIT)


def saves(store: FileStore, official: Official, copy: Path, rounds: int) -> bool:
    ours, theirs = [], []
    for number in range(rounds):
        chosen = [user(random.randint(1, TOKENS)) for _ in range(3)]
        stored = [store.find_token(Token(user_name=name)) for name in chosen]
        refreshed = [replace(each, access_token=f"new {number}") for each in stored if each]
        ours.append(timed(store.save_token, refreshed))
        theirs.append(official("time_saving", path=str(copy), users=chosen))
    return report("save", ours, theirs, SAVE_LIMIT)


def foreign(store: FileStore, path: Path, rounds: int) -> None:
    """Print what the first look costs after another process has saved: the file is read anew."""
    costs = []
    with FileStore(path) as other:
        for number in range(rounds):
            token = other.find_token(Token(user_name=user(1)))
            assert token
            other.save_token(replace(token, access_token=f"other {number}"))
            costs.append(timed(store.find_token, [Token(user_name=user(2))]))
    print(f"find after another process's save: {statistics.median(costs) * 1e3:.1f} ms")


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where one is beyond its limit."""
    rounds = 5 if "--quick" in arguments else 15
    with tempfile.TemporaryDirectory() as folder, official_process(folder) as official:
        path, copy = Path(folder) / "tokens.csv", Path(folder) / "copy.csv"
        for file in (path, copy):
            file.touch(mode=0o600)
            file.write_text("\n".join([HEADER, *map(line, range(1, TOKENS + 1)), ""]))
        with FileStore(path) as store:
            failed = finds(store, official, path, rounds)
            failed |= saves(store, official, copy, rounds)
            foreign(store, path, rounds)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
