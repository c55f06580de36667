"""A worker that runs until it is killed: ``python -m evergrant.demo.worker STORE ZOHO USER…``.

It calls the API as each user in turn and prints a line for each call that worked. Its only
secrets are those in the store.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence

import httpx2

from evergrant.accounts import Accounts
from evergrant.keeper import Keeper
from evergrant.sandbox import RemoteClock
from evergrant.stores import open_store
from evergrant.testing.sandbox_client import RemoteSandbox

CALL_INTERVAL_S = 0.02
"""Seconds between two calls."""


def work(store_url: str, zoho_url: str, users: Sequence[str]) -> None:
    """Call the API until killed.

    Raises:
        EvergrantError: There is no working token.
        HTTPStatusError: The API refused.
    """
    clock = RemoteClock(zoho_url)
    with (
        open_store(store_url, clock=clock) as store,
        Accounts(data_centers=RemoteSandbox.at(zoho_url).data_centers, clock=clock) as accounts,
        httpx2.Client(base_url=zoho_url, trust_env=False) as crm,
    ):
        keeper = Keeper(store, accounts)
        for user in itertools.cycle(users):
            answer = crm.get(
                "/crm/v8/Leads", params={"fields": "Last_Name"}, auth=keeper.auth(user)
            )
            answer.raise_for_status()
            sys.stdout.write("ok\n")
            sys.stdout.flush()
            time.sleep(CALL_INTERVAL_S)


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], sys.argv[3:])
