"""The URLs of SQL stores: SQLAlchemy's URLs, and how they are displayed."""

from __future__ import annotations

import re

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from evergrant._masking import raise_without_context
from evergrant.errors import ConfigError
from evergrant.stores.tables import DEFAULT_TABLE
from evergrant.stores.urls import SUPPORTED_URLS, is_sql, without_parameters

__all__ = ["display_url", "parse_url", "validate_table"]

_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
"""The driver for a URL that names none. (SQLAlchemy has no dialect ``postgres``, but many hosting
services write that.)"""

_TABLE = re.compile(r"(?!evergrant_)[a-z0-9_]{1,63}", re.ASCII | re.IGNORECASE)
"""Names that the official SDK allows, within PostgreSQL's limit."""


def parse_url(url: str | URL) -> tuple[URL, str]:
    """Return the database's URL, and the table that it names.

    Raises:
        ConfigError: It is no URL of a SQL database, or repeats ``table``.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):  # such as a port that is no number
        raise_without_context(_malformed_error())
    if not is_sql(found.drivername) or not found.database:
        raise _malformed_error()
    found = _with_password_in_its_place(found)
    table = found.query.get("table", DEFAULT_TABLE)
    if not isinstance(table, str):
        raise ConfigError(
            f"{display_url(found, DEFAULT_TABLE)!r} names several tables", hint=SUPPORTED_URLS
        )
    driver = _DRIVERS.get(found.drivername, found.drivername)
    return found.set(drivername=driver).difference_update_query(["table"]), table


def _malformed_error() -> ConfigError:
    return ConfigError("this is not the URL of a SQL database", hint=SUPPORTED_URLS)


def _with_password_in_its_place(url: URL) -> URL:
    """Return a URL with its password where SQLAlchemy knows, and hides, it."""
    for name in ("password", "passwd"):
        if isinstance(given := url.query.get(name), str):
            url = url.difference_update_query([name]).set(password=given)
    return url


def display_url(url: URL, table: str) -> str:
    """Return a URL to be shown, without its password, wherever that was."""
    secret = [name for name in url.query if "pass" in name.lower()]
    url = url.difference_update_query([*secret, "table"])
    if table != DEFAULT_TABLE:
        url = url.update_query_dict({"table": table})
    user, colon, _ = (url.username or "").partition(":")
    if colon:  # it was percent-encoded, and so became a part of the name
        url = url.set(username=user, password=url.password or "-")
    return without_parameters(url.render_as_string(hide_password=True))


def validate_table(name: str) -> str:
    """Return a table's name.

    Raises:
        ConfigError: A table cannot have this name, or the name is reserved for evergrant.
    """
    if not _TABLE.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a table of tokens",
            hint="Use up to 63 letters, digits and underscores; evergrant_ is taken.",
        )
    return name
