"""Processes that call a store, write down what they call and what it answers, and may be killed.

One process loads everything, once; each line that it reads makes a child of it, which works until
it is killed. What a child writes to its log is there however it ends.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evergrant import Token, open_store
from evergrant._crypto.keys import Keyring
from evergrant.errors import Conflict, StoreUnavailable, TokenNotFound
from evergrant.stores import base
from evergrant.stores.base import TokenStore
from tests.support.stores.encrypted_rows import NEW

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
KINDS = ["find", "swap", "create", "put", "delete", "drop"]
WEIGHTS = (30, 30, 14, 14, 4, 8)
COPIES = 4
"""Old copies of a row that a worker goes on with, as a process that was paused does."""


class Worker:
    """Calls a store at random.

    Args:
        name: Nobody else's.
        keys: The users, whose names are their ids.
        log: Where it is written down.
    """

    def __init__(self, store: TokenStore, name: str, keys: list[str], log: Path) -> None:
        self._store = store
        self._name = name
        self._keys = keys
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._random = random.Random(name)
        self._copies: dict[str, list[Token]] = {key: [] for key in keys}

    def work(self) -> None:
        """Go on for ever."""
        number = 0
        while True:
            number += 1
            key = self._random.choice(self._keys)
            [kind] = self._random.choices(KINDS, WEIGHTS)
            copies = self._copies[key]
            copy = self._random.choice(copies) if copies else None
            if kind in {"swap", "drop"} and copy is None:
                kind = "find"
            self._call(kind, key, f"{self._name}-{number}", copy)

    def _call(self, kind: str, key: str, value: str, copy: Token | None) -> None:
        lasts = self._random.randrange(1000)
        new = Token(
            id=key,
            user_name=key,
            client_id="client",
            client_secret="secret",
            access_token=value,
            refresh_token="refresh",
            expires_at=NOON + timedelta(seconds=lasts),
        )
        said: dict[str, Any] = {"kind": kind, "key": key, "value": value, "lasts": lasts}
        if copy is not None:
            said["expected"] = _shown(copy)
        self._write(said | {"begun": time.monotonic_ns()})
        try:
            found = self._done(kind, new, copy)
            answer, mark = _shown(found) if found else ("absent", "")
            if kind not in {"find", "put"}:
                answer = "done"
        except (Conflict, TokenNotFound):
            answer, mark = "refused", ""
        except StoreUnavailable as error:
            if not error.retryable:
                self._write({"problem": repr(error)})
                os._exit(1)
            self._write({"lost": repr(error)})  # it may have happened
            return
        self._write({"ended": time.monotonic_ns(), "answer": answer, "mark": mark})

    def _done(self, kind: str, new: Token, copy: Token | None) -> Token | None:
        """Make a call; return the row that it found or left."""
        id_ = str(new.id)
        row: Token | None = None
        if kind == "find":
            asked = Token(user_name=new.user_name)
            by_id = self._random.random() < 0.5
            row = self._store.find_token_by_id(id_) if by_id else self._store.find_token(asked)
        elif kind == "put":
            row = self._store.save_token(new)
        elif kind == "create":
            row = self._store.save_token(new, expected_version=0)
        elif kind == "swap" and copy:
            anew = replace(copy, access_token=new.access_token, expires_at=new.expires_at)
            row = self._store.save_token(anew, expected_version=copy.version)
        else:
            version = copy.version if kind == "drop" and copy else None
            self._store.delete_token(id_, expected_version=version)
        if row:
            self._copies[id_] = [*self._copies[id_], row][-COPIES:]
        return row

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._log, json.dumps(line).encode() + b"\n")


def _shown(token: Token) -> tuple[str, str]:
    return str.__str__(token.access_token or ""), str(token.version)


def ignore_versions() -> None:
    """Save whatever is expected: the fault that compare-and-swap is there against."""
    real = TokenStore.save_token

    def save_token(self: TokenStore, token: Token, *, expected_version: int | None = None) -> Token:
        return real(self, token, expected_version=None if expected_version else expected_version)

    TokenStore.save_token = save_token  # type: ignore[method-assign]


def begin_at_one() -> None:
    """Let the versions of each row begin at one, and forget when it was saved."""
    names: dict[str, Any] = vars(base)
    names["first_version"] = lambda _now: 1
    names["is_of_former_row"] = lambda _stored, _incoming: False


FAULTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "ignores versions": ignore_versions,
    "begins at one": begin_at_one,
}


def main() -> None:
    """Make a child for each line: its name, the store's URL, its keys and so on."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        scene = json.loads(line)
        child = os.fork()
        if child:
            print(child, flush=True)  # noqa: T201 - to the test
            continue
        try:
            FAULTS[scene["fault"]]()
            keys = Keyring([NEW]) if scene["sealed"] else None
            store = open_store(scene["url"], keys=keys)
            Worker(store, scene["name"], scene["keys"], Path(scene["log"])).work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            with Path(scene["log"]).open("a") as log:
                log.write(json.dumps({"problem": repr(error)}) + "\n")
        finally:
            os._exit(1)


if __name__ == "__main__":
    main()
