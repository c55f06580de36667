"""The algorithm of the SQLite store in Zoho's sample (CustomStoreSQLite), to measure against.

Written afresh from the article that describes it, with its behaviour and its faults: a connection
per call, statements built from values, ids that are one more than the greatest text, an update
whose LIMIT most builds of SQLite do not know, and no index. A token is a dictionary of columns.
"""
# ruff: noqa: S608 - statements built from values are what is measured and tested against here

from __future__ import annotations

import sqlite3
from contextlib import closing

__all__ = ["COLUMNS", "SeedStore", "SeedToken"]

COLUMNS = (
    "id",
    "user_name",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "grant_token",
    "expiry_time",
    "redirect_url",
    "api_domain",
)
SeedToken = dict[str, str | None]

_TABLE = (
    "CREATE TABLE oauthtoken (id varchar(10) NOT NULL,user_name varchar(255), client_id "
    "varchar(255), client_secret varchar(255), refresh_token varchar(255), access_token "
    "varchar(255), grant_token varchar(255), expiry_time varchar(20), redirect_url varchar(255), "
    "api_domain varchar(255), primary key (id))"
)


class SeedStore:
    def __init__(self, path: str) -> None:
        self._path = path
        with closing(sqlite3.connect(path)) as connection:
            options = {name for (name,) in connection.execute("PRAGMA compile_options")}
            self._limit = " limit 1" if "ENABLE_UPDATE_DELETE_LIMIT" in options else ""
            tables = "SELECT name FROM sqlite_master WHERE type='table' AND name='oauthtoken'"
            if connection.execute(tables).fetchone() is None:
                connection.execute(_TABLE)

    def save_token(self, token: SeedToken) -> None:
        connection = sqlite3.connect(self._path)
        query = "update oauthtoken set " + _settings(token) + _where(token) + self._limit
        try:
            cursor = connection.cursor()
            cursor.execute(query)
            if cursor.rowcount <= 0:
                if token.get("id") is None:
                    token["id"] = self._next_id(cursor)
                marks = ",".join("?" * len(COLUMNS))
                cursor.execute(
                    f"insert into oauthtoken ({','.join(COLUMNS)}) values ({marks});",
                    [token.get(column) for column in COLUMNS],
                )
        finally:
            connection.commit()
            connection.close()

    def find_token(self, token: SeedToken) -> SeedToken | None:
        connection = sqlite3.connect(self._path)
        try:
            cursor = connection.cursor()
            cursor.execute("select * from oauthtoken" + _where(token) + " limit 1")
            row = cursor.fetchone()
            return None if row is None else _filled(token, row)
        finally:
            connection.close()

    def find_token_by_id(self, id_: str) -> SeedToken:
        connection = sqlite3.connect(self._path)
        try:
            rows = connection.execute(f"select * from oauthtoken where id='{id_}'").fetchall()
            if not rows:
                raise LookupError(id_)
            return _filled({}, rows[0])
        finally:
            connection.close()

    def get_tokens(self) -> list[SeedToken]:
        connection = sqlite3.connect(self._path)
        try:
            return [_filled({}, row) for row in connection.execute("select * from oauthtoken;")]
        finally:
            connection.close()

    def delete_token(self, id_: str) -> None:
        connection = sqlite3.connect(self._path)
        try:
            connection.execute(f"delete from oauthtoken where id= {id_};")
            connection.commit()
        finally:
            connection.close()

    def _next_id(self, cursor: sqlite3.Cursor) -> str:
        cursor.execute("select coalesce(max(id),0) from oauthtoken")
        return str(int(cursor.fetchone()[0]) + 1)


def _settings(token: SeedToken) -> str:
    given = ((column, token.get(column)) for column in COLUMNS[1:])
    return ",".join(f"{column}='{value}'" for column, value in given if value is not None)


def _where(token: SeedToken) -> str:
    no_client = token.get("client_id") is None and token.get("client_secret") is None
    whole_client = token.get("client_id") is not None and token.get("client_secret") is not None
    if token.get("user_name"):
        columns = ["user_name"]
    elif token.get("access_token") and no_client:
        columns = ["access_token"]
    elif whole_client:
        columns = ["grant_token", "refresh_token"]
    else:
        columns = []
    for column in columns:
        if token.get(column):
            return f" where {column}='{token[column]}'"
    return ""


def _filled(token: SeedToken, row: tuple[str | None, ...]) -> SeedToken:
    for position, column in enumerate(COLUMNS):
        if token.get(column) is None:
            token[column] = row[position]
    return token
