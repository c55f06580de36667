"""Accounts that may not do all, on the worker's own servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers.databases import Database
from tests.support.stores.sql_store import official_table

__all__ = ["PASSWORD", "account", "granted", "url"]

PASSWORD = "planted-password"
USE = "SELECT, INSERT, UPDATE, DELETE"


@pytest.fixture
def account(database: Database) -> Iterator[str]:
    """Make an account without any right on the database."""
    name = f"u{database.name[1:]}"
    if "mysql" in database.url:
        database.execute(f"CREATE USER {name} IDENTIFIED BY '{PASSWORD}'")
        yield name
        database.execute(f"DROP USER {name}")
    else:
        database.execute(
            f"CREATE USER {name} PASSWORD '{PASSWORD}'",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        )
        yield name
        database.execute(f"DROP OWNED BY {name}", f"DROP USER {name}")


def granted(database: Database, account: str, rights: str) -> str:
    """Give an account rights on the official table; return its URL."""
    official_table(database)
    database.execute(f"GRANT {rights} ON oauthtoken TO {account}")
    return database.url_for(account, PASSWORD)


@pytest.fixture
def url(database: Database, account: str) -> str:
    """Return where the official table is for an account that may use it, and no more."""
    return granted(database, account, USE)
