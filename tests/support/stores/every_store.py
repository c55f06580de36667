"""Every store there is, opened any number of times on one storage, as processes do."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from evergrant import TokenStore, open_store
from evergrant.clock import Clock
from evergrant.stores.adapter.six_methods import SixMethodStore
from evergrant.stores.rows import COLUMNS, OFFICIAL_COLUMNS
from tests.support.servers.databases import Database
from tests.support.stores.six_methods import Plain
from tests.support.stores.sql_store import official_table

__all__ = ["EVERY_STORE", "OF_THIS_PROCESS", "OWN_NOTES", "Storage"]

OF_THIS_PROCESS = {"memory", "six methods"}
"""Those that no other process can open."""

OWN_NOTES = {"six methods", "secrets manager"}
"""Those in which what a process notes beside the rows is seen by no other one."""

OFFICIAL = len(OFFICIAL_COLUMNS)
OURS = COLUMNS[OFFICIAL:]


@dataclass(frozen=True)
class Storage:
    """An empty storage.

    Attributes:
        open: Opens it once more.
        url: Where it is; empty for one of this process.
        lose_our_columns: Leaves of each row what Zoho's own SDK writes, if it can be used here.
    """

    open: Callable[[], AbstractContextManager[TokenStore]]
    url: str = ""
    lose_our_columns: Callable[[], object] = lambda: None


Make = Callable[[pytest.FixtureRequest, Path, Clock], Storage]


def _at(url: str, clock: Clock) -> Storage:
    return Storage(lambda: open_store(url, clock=clock), url)


def _on_server(name: str) -> Make:
    def make(request: pytest.FixtureRequest, _: Path, clock: Clock) -> Storage:
        found = request.getfixturevalue(name)
        return _at(getattr(found, "url", found), clock)

    return make


def _official_table(request: pytest.FixtureRequest, _: Path, clock: Clock) -> Storage:
    database: Database = request.getfixturevalue("mariadb")
    official_table(database)
    empty = ", ".join(f"{column} = NULL" for column in OURS)
    lose = partial(database.execute, f"UPDATE oauthtoken SET {empty}")
    return replace(_at(database.url, clock), lose_our_columns=lose)


def _in_memory(_: pytest.FixtureRequest, __: Path, clock: Clock) -> Storage:
    store = open_store("memory:", clock=clock)
    return Storage(lambda: nullcontext(store))


def _encrypted(request: pytest.FixtureRequest, folder: Path, clock: Clock) -> Storage:
    key = b64encode(b"\1" * 32).decode()
    request.getfixturevalue("monkeypatch").setenv("EVERGRANT_KEY", key)
    return _at(f"sqlite:///{folder}/sealed.db?timeout=0", clock)


def _official_file(_: pytest.FixtureRequest, folder: Path, clock: Clock) -> Storage:
    path = folder / "official.csv"
    path.write_text(",".join(OFFICIAL_COLUMNS) + "\n")
    path.chmod(0o600)

    def lose() -> None:
        lines = path.read_text().splitlines()
        path.write_text("".join(",".join(line.split(",")[:OFFICIAL]) + "\n" for line in lines))

    return replace(_at(f"file://{path}", clock), lose_our_columns=lose)


def _six_methods(_: pytest.FixtureRequest, __: Path, clock: Clock) -> Storage:
    theirs = Plain()
    return Storage(lambda: SixMethodStore(theirs, clock=clock))


EVERY_STORE: Mapping[str, Make] = {
    "memory": _in_memory,
    "sqlite": lambda _, folder, clock: _at(f"sqlite:///{folder}/tokens.db?timeout=0", clock),
    "encrypted": _encrypted,
    "file": lambda _, folder, clock: _at(f"file://{folder}/tokens.csv", clock),
    "official file": _official_file,
    "six methods": _six_methods,
    "redis": _on_server("redis_url"),
    "mariadb": _on_server("mariadb"),
    "postgresql": _on_server("postgresql"),
    "official table": _official_table,
    "dynamodb": _on_server("dynamodb_url"),
    "secrets manager": _on_server("secrets_url"),
}
