"""A program with a Keeper of its own, which says what it gets for a user whenever it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from evergrant import Keeper, open_store
from evergrant.errors import EvergrantError
from evergrant.testing.sandbox_client import RemoteSandbox

__all__ = ["WarmProcess"]


class WarmProcess:
    """The program, while it runs."""

    def __init__(self, store: str, zoho: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, store, zoho, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, user: str) -> Any:
        """Return what it gets for this user, and how it says that the grant stands."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{user}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "it has died"
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()


def main(url: str, zoho: str, folder: str) -> None:
    """Answer each line of standard input."""
    remote = RemoteSandbox.at(zoho)
    with (
        open_store(url, clock=remote.clock) as store,
        remote.accounts() as accounts,
        Keeper(store, accounts, lifeboat=Path(folder)) as keeper,
    ):
        for line in sys.stdin:
            user = line.strip()
            try:
                got = "a token" if keeper.access_token(user) else "nothing"
            except EvergrantError as error:
                got = type(error).__name__
            told = {"got": got, "state": keeper.states.describe(keeper.find(user))}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
