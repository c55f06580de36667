"""Where `scale.py` keeps tokens, and what the drivers themselves need for a row of them."""

from __future__ import annotations

import csv
import os
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import ClassVar, Self

import psycopg

from evergrant import TokenStore, open_store
from evergrant.clock import Clock
from evergrant.stores.rows import COLUMNS, Row
from tests.support.servers.databases import fresh_database
from tests.support.servers.sql_servers import PostgreSQL

__all__ = ["PLACES", "Place"]

LIST = ", ".join(COLUMNS)
FIND = f"SELECT {LIST} FROM oauthtoken WHERE user_name = ? AND client_id = '1000.CLIENT'"  # noqa: S608 - constants
SAVE = "UPDATE oauthtoken SET access_token = ?, updated_at = ? WHERE id = ?"


class Place(ABC):
    """A store, and the driver below it on an equal table.

    Attributes:
        most: Tokens that are worth trying.
        has_indexes: Whether costs should not grow with the number of tokens.
    """

    name: ClassVar[str]
    most: ClassVar[int] = 1_000_000
    has_indexes: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ends = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.ends.close()

    @abstractmethod
    def open(self, clock: Clock) -> TokenStore:
        """Open the store."""

    @abstractmethod
    def fill(self, rows: Iterable[Row]) -> None:
        """Add rows through the driver."""

    @abstractmethod
    def read(self, user_name: str) -> None:
        """Read a user's row through the driver."""

    @abstractmethod
    def write(self, id_: str) -> None:
        """Write a row durably through the driver."""


class SQLite(Place):
    """Ours and the driver's each have a file: either would empty the other's cache."""

    name = "SQLite"

    def open(self, clock: Clock) -> TokenStore:
        return open_store(f"sqlite:///{self.folder}/ours.db", clock=clock)

    def fill(self, rows: Iterable[Row]) -> None:
        marks = ", ".join("?" * len(COLUMNS))
        with closing(sqlite3.connect(self.folder / "ours.db")) as ours, ours:
            ours.execute("PRAGMA cache_size = -200000")
            ours.executemany(f"INSERT INTO oauthtoken ({LIST}) VALUES ({marks})", rows)  # noqa: S608 - constants
            ours.commit()
            ours.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.ends.close()
        shutil.copy(self.folder / "ours.db", self.folder / "raw.db")
        self.raw = self.ends.enter_context(
            closing(sqlite3.connect(self.folder / "raw.db", isolation_level=None))
        )
        self.raw.execute("PRAGMA synchronous = FULL")

    def read(self, user_name: str) -> None:
        assert self.raw.execute(FIND, (user_name,)).fetchone()

    def write(self, id_: str) -> None:
        self.raw.execute("BEGIN IMMEDIATE")
        self.raw.execute(SAVE, ("1000.new", "1700000000001", id_))
        self.raw.execute("COMMIT")


class Postgres(Place):
    name = "PostgreSQL"

    def open(self, clock: Clock) -> TokenStore:
        server = PostgreSQL()
        self.ends.callback(server.close)
        database = self.ends.enter_context(fresh_database(server))
        plain = server.url(database.name).set(drivername="postgresql")
        where = plain.render_as_string(hide_password=False)
        store = open_store(database.url, clock=clock)
        self.raw = self.ends.enter_context(psycopg.connect(where, autocommit=True))
        return store

    def fill(self, rows: Iterable[Row]) -> None:
        with (
            self.raw.cursor() as cursor,
            cursor.copy(f"COPY oauthtoken ({LIST}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)
        self.raw.execute("VACUUM ANALYZE oauthtoken")

    def read(self, user_name: str) -> None:
        assert self.raw.execute(FIND.replace("?", "%s"), (user_name,)).fetchone()

    def write(self, id_: str) -> None:
        self.raw.execute(SAVE.replace("?", "%s"), ("1000.new", "1700000000001", id_))


class File(Place):
    """The floor is to ask whether the file has changed, and to write all of it anew."""

    name = "file"
    most = 10_000
    has_indexes = False

    def open(self, clock: Clock) -> TokenStore:
        self.path = self.folder / "tokens.csv"
        return open_store(f"file://{self.path}", clock=clock)

    def fill(self, rows: Iterable[Row]) -> None:
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerows(rows)

    def read(self, _user_name: str) -> None:
        self.path.stat()

    def write(self, _id: str) -> None:
        draft = self.folder / "draft"
        with draft.open("wb") as file:
            file.write(self.path.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / "copy.csv")


PLACES: tuple[type[Place], ...] = (SQLite, File, Postgres)
