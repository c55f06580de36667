"""What the official SDK's question costs: our bridge, the official FileStore, the seed's sample.

Runs in the environment that has the SDK (./dev bench provides it): started without one, it starts
itself there. All contenders hold the same tokens and answer the same users, those at work.
"""

from __future__ import annotations

import csv
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.seed_store import SeedStore

SIZE = 10_000
ACTIVE = 100  # of all users, those who are at work
FILE_FACTOR = 300  # times faster than the official FileStore
SEED_FACTOR = 30  # times faster than the seed's sample
ROUNDS, QUICK_ROUNDS = 15, 5

COLUMNS = (
    "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,"
    "redirect_url,api_domain"
)


def rows() -> list[list[str]]:
    """The official ten columns; every access token is valid for an hour."""
    expiry = str(int((time.time() + 3600) * 1000))
    return [
        [str(n), f"user{n}@example.com:60001", "1000.C", "s", f"r{n}", f"a{n}", "", expiry, "", ""]
        for n in range(1, SIZE + 1)
    ]


def contenders(folder: Path) -> dict[str, Callable[[Any], Any]]:
    from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore

    from evergrant.zohocrmsdk import token_store

    official = FileStore(str(folder / "tokens.csv"))
    with (folder / "tokens.csv").open("a", newline="") as file:
        csv.writer(file).writerows(rows())
    seed = SeedStore(str(folder / "seed.db"))
    ours = token_store(f"sqlite:///{folder}/ours.db", lifeboat=folder)
    for name in ("ours", "seed"):
        with closing(sqlite3.connect(folder / f"{name}.db")) as database, database:
            marks = ", ".join("?" * 10)
            database.executemany(f"INSERT INTO oauthtoken ({COLUMNS}) VALUES ({marks})", rows())  # noqa: S608 - constants
    return {
        "ours": ours.find_token,
        "official FileStore": official.find_token,
        "seed's sample": lambda token: seed.find_token(
            {"user_name": token.get_user_signature().get_name()}
        ),
    }


def question(user: str) -> Any:
    from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
    from zohocrmsdk.src.com.zoho.crm.api.user_signature import UserSignature

    return OAuthToken(user_signature=UserSignature(user))


def seconds(find: Callable[[Any], Any], users: list[str]) -> float:
    """Return what one question costs, among those of all users."""
    asked = [question(user) for user in users]
    began = time.perf_counter()
    answers = [find(token) for token in asked]
    taken = time.perf_counter() - began
    assert all(answers)
    return taken / len(users)


def main(arguments: list[str]) -> int:
    rounds = QUICK_ROUNDS if "--quick" in arguments else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        finds = contenders(Path(folder))
        users = [f"user{n}@example.com:60001" for n in random.sample(range(1, SIZE + 1), ACTIVE)]
        seconds(finds["ours"], users)  # they are at work: each has asked before
        taken: dict[str, list[float]] = {name: [] for name in finds}
        for _ in range(rounds):
            for name, find in finds.items():
                taken[name].append(seconds(find, users if name == "ours" else users[:10]))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"the SDK's find_token at {SIZE:,} tokens: {medians['ours'] * 1e6:.1f} us through ours")
    failed = 0
    for name, wanted in (("official FileStore", FILE_FACTOR), ("seed's sample", SEED_FACTOR)):
        factor = medians[name] / medians["ours"]
        failed += factor < wanted
        verdict = "PASS" if factor >= wanted else "FAIL"
        print(f"{verdict}  {factor:7.0f} times faster than the {name} (at least {wanted})")
    return int(bool(failed))


if __name__ == "__main__":
    if not find_spec("zohocrmsdk"):
        if not (python := os.environ.get("EVERGRANT_SDK_PYTHON")):
            sys.exit("EVERGRANT_SDK_PYTHON must name a Python that has Zoho's SDK: run ./dev bench")
        command = [python, *sys.argv]
        sys.exit(subprocess.run(command, check=False).returncode)
    sys.exit(main(sys.argv[1:]))
