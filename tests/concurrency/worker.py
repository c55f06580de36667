"""One process among several: asks a Keeper for tokens, and reports what it got."""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from evergrant import Accounts, DataCenter, DataCenters, Keeper, Token, open_store
from evergrant.errors import EvergrantError


def main() -> None:
    scene: dict[str, Any] = json.loads(sys.argv[1])
    known = DataCenters(DataCenter.custom(scene["zoho"], scene["zoho"], code="us"))
    with (
        open_store(scene["store"]) as store,
        Accounts(*scene["client"], data_centers=known) as accounts,
    ):
        keeper = Keeper(store, accounts, lifeboat=Path(scene["lifeboat"]))
        users: list[str] = scene["users"]
        threads: int = scene.get("threads", 1)
        if scene.get("die_before_saving"):
            die_before_saving(keeper)
        print("ready", flush=True)  # noqa: T201 - to the test
        sys.stdin.readline()
        start = threading.Barrier(threads * len(users))

        def ask(user: str) -> tuple[str, str]:
            start.wait(30)
            try:
                return user, keeper.access_token(user)
            except EvergrantError as error:
                return user, type(error).__name__

        with ThreadPoolExecutor(threads * len(users)) as pool:
            got = list(pool.map(ask, users * threads))
    report = {user: sorted({value for name, value in got if name == user}) for user in users}
    print(json.dumps(report))  # noqa: T201 - to the test


def die_before_saving(keeper: Keeper) -> None:
    real = keeper.accounts.refresh

    def refresh(token: Token, **options: Any) -> Token:
        real(token, **options)
        os._exit(9)

    keeper.accounts.refresh = refresh  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
