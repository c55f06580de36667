"""A program on a host of the tests: does what it is told by lines of JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from evergrant import Accounts, DataCenter, DataCenters, Keeper, open_store
from evergrant._core import lease_heartbeat, refresher
from evergrant.errors import EvergrantError
from tests.support.servers.relay import relay

told: dict[str, Any] = json.loads(sys.stdin.readline())


def ask(keeper: Keeper, _: int) -> str:
    try:
        return keeper.access_token(told["user"])
    except EvergrantError as error:
        return f"!{type(error).__name__}"


def do(keeper: Keeper, what: dict[str, Any]) -> dict[str, Any]:
    began = time.monotonic()
    with ThreadPoolExecutor(what.get("threads", 1)) as pool:
        got = list(pool.map(lambda number: ask(keeper, number), range(what.get("threads", 1))))
    return {"got": sorted(set(got)), "took": time.monotonic() - began}


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer each line, in its turn."""
    for module in (lease_heartbeat, refresher):
        vars(module)["LEASE_TTL_S"] = told["lease"]
    for module, name, value in told["patience"]:
        vars(__import__(module, fromlist=["x"]))[name] = value
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    carrying = relay("127.0.0.1", told["gateway"], told["ports"])
    asyncio.run_coroutine_threadsafe(carrying, loop).result(30)
    known = DataCenters(DataCenter.custom(told["zoho"], told["zoho"], code="us"))
    with (
        open_store(told["store"]) as store,
        Accounts(told["client_id"], told["client_secret"], data_centers=known) as accounts,
        Keeper(store, accounts, lifeboat=Path(told["lifeboat"])) as keeper,
    ):
        say({"ready": True})
        for line in sys.stdin:
            what = json.loads(line)
            if what["do"] == "revoke":
                keeper.revoke(told["user"])
                answer: dict[str, Any] = {}
            else:
                answer = do(keeper, what)
            say(answer)


if __name__ == "__main__":
    main()
