"""A process to which things happen: it logs in, refreshes, and tells of each pause in saving."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from evergrant import Accounts, DataCenter, DataCenters, Keeper, open_store
from evergrant.errors import EvergrantError

READY, SAVED, STOPPED = "ready", "saved", "stopped"


def main() -> None:
    scene: dict[str, Any] = json.loads(sys.argv[1])
    known = DataCenters(DataCenter.custom(scene["zoho"], scene["zoho"], code="us"))
    with (
        open_store(scene["store"], timeout=0.05) as store,
        Accounts(*scene["client"], data_centers=known) as accounts,
    ):
        keeper = Keeper(store, accounts, lifeboat=Path(scene["lifeboat"]))
        pauses = Pauses(scene.get("stop_at", 0))
        keeper._manager._saver._sleep = pauses
        tell(READY)
        sys.stdin.readline()
        for code in scene.get("codes", []):
            tell(attempt(lambda code=code: keeper.login_with_code(code)))
        for user in scene.get("users", []):
            tell(attempt(lambda user=user: keeper.access_token(user)))


def attempt(do: Any) -> str:
    try:
        do()
    except EvergrantError as error:
        return type(error).__name__
    return SAVED


class Pauses:
    """Takes no time between attempts, but for the one in which the test does something."""

    def __init__(self, stop_at: int) -> None:
        self._stop_at = stop_at
        self._number = 0

    def __call__(self, _seconds: float) -> None:
        self._number += 1
        if self._number == self._stop_at:
            tell(STOPPED)
            sys.stdin.readline()


def tell(what: str) -> None:
    print(what, flush=True)  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
