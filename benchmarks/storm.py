"""A storm on one expired token: evergrant and Zoho's own SDK side by side.

The threads of several processes want to call the CRM at the same moment. Counted are the
refreshes that Zoho sees, the callers that get no token, and how long each waits for the right to
send its call, in the time that Zoho takes for one refresh. Each contender has a local Zoho of its
own, by the same rules. `./dev bench` says which Python has Zoho's SDK.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from evergrant import Accounts, Keeper, open_store
from evergrant.clock import utc_now
from evergrant.sandbox import Sandbox
from tests.support.processes.storms import (
    COUNTDOWN,
    LATENCY,
    Answer,
    Storm,
    quantile,
    slowest_allowed,
)
from tests.support.sdk.process import SdkHost, grant_of
from tests.support.sdk.stores import (
    OFFICIAL_FILE,
    OFFICIAL_TABLE,
    OUR_FILE,
    OUR_MARIADB,
    OUR_SQLITE,
    STORES,
)
from tests.support.servers.databases import fresh_database
from tests.support.servers.sql_servers import MariaDB

ALICE = "alice@example.com"
SIZE, QUICK_SIZE = (8, 16), (3, 4)  # processes, threads of each
SHARES = (0.5, 0.95, 0.99, 1.0)

Size = tuple[int, int]
Contender = Callable[[Sandbox, Path, Size], list[Answer]]


def keeper(zoho: Sandbox, folder: Path, size: Size) -> list[Answer]:
    """Let callers ask a Keeper, each process its own."""
    processes, threads = size
    url, app = f"sqlite:///{folder}/tokens.db", zoho.client
    with (
        open_store(url) as store,
        Accounts(app.client_id, app.client_secret, data_centers=zoho.data_centers) as accounts,
    ):
        token = Keeper(store, accounts, lifeboat=folder).login_with_code(zoho.grant_code(ALICE))
        store.save_token(
            replace(token, expires_at=utc_now() - timedelta(hours=1)),
            expected_version=token.version,
        )
    zoho.faults.latency(LATENCY)
    user = str(token.user_name)
    return Storm(zoho, url, folder)("keeper", [[user] * threads] * processes)


def under_the_sdk(host: SdkHost, store: list[str]) -> Contender:
    """Return what lets callers sign calls with Zoho's SDK, which has this store."""

    def storm(zoho: Sandbox, folder: Path, size: Size) -> list[Answer]:
        number, threads = size
        grant = grant_of(zoho, ALICE)
        processes = [host.start(folder, zoho) for _ in range(number)]
        for sdk in processes:
            sdk("open", store=[part.format(folder=folder) for part in store], url=zoho.url)
            sdk("initialize", **grant)
            sdk("whoami")
        zoho.clock.advance(hours=1)
        zoho.faults.latency(LATENCY)
        at = time.monotonic() + COUNTDOWN
        for sdk in processes:
            sdk.begin("sign_together", number=threads, at=at)
        answers = [Answer(ALICE, *answer) for sdk in processes for answer in sdk.end()]
        for sdk in processes:
            sdk.stop()
        return answers

    return storm


def measure(name: str, contender: Contender, size: Size, *, ours: bool) -> bool:
    """Print what a storm cost; return whether it was more than it may be."""
    with Sandbox() as zoho, tempfile.TemporaryDirectory() as folder:
        answers = contender(zoho, Path(folder), size)
        sent = zoho.calls.count("/oauth/v2/token", "refresh_token")
    tokens = {answer.got for answer in answers if answer.got.startswith("1000.")}
    refused = sum(answer.got not in tokens for answer in answers)
    waits = [answer.wait for answer in answers]
    shares = "".join(f"{quantile(waits, share) / LATENCY:8.2f}" for share in SHARES)
    print(f"{name:32}{sent:11}{refused:9}{len(tokens):8}{shares}", flush=True)
    wanted = (sent, refused, len(tokens)) == (1, 0, 1) and max(waits) <= slowest_allowed(LATENCY)
    return ours and not wanted


def main(arguments: list[str]) -> int:
    """Print the figures; return 1 where ours are beyond their limits."""
    size = QUICK_SIZE if "--quick" in arguments else SIZE
    print(
        f"{size[0]} processes x {size[1]} threads on one expired token; waits in refreshes of "
        f"{LATENCY:g} s, of ours {slowest_allowed(LATENCY) / LATENCY:g} at the most\n"
        f"{'':32}  refreshes  refused  tokens     p50     p95     p99     max"
    )
    server = MariaDB()
    with tempfile.TemporaryDirectory() as folder:
        host = SdkHost("8_0", Path(folder) / "output")
        try:
            failed = measure("evergrant, SQLite", keeper, size, ours=True)
            for store in (OUR_SQLITE, OUR_FILE, OUR_MARIADB, OFFICIAL_FILE, OFFICIAL_TABLE):
                with fresh_database(server) as database:
                    parts = [part.replace("{mariadb}", database.url) for part in STORES[store]]
                    name = f"Zoho's SDK, {store}"
                    ours = store.startswith("our ")
                    failed |= measure(name, under_the_sdk(host, parts), size, ours=ours)
        finally:
            host.stop()
            server.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
