"""Detects poolers, which stand before a server and lend its sessions to clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evergrant.stores.leases import POLL_S

__all__ = ["costs", "is_pooled", "settings_in"]

_SETTING = re.compile(r"(?:^|\s)(?:-c\s*|--)(search[-_]path|role)=((?:\\.|[^\s\\])*)")


def costs(store: str, *, listens: bool) -> Iterator[str]:
    """Yield sentences about what a pooler costs.

    Args:
        store: The store's URL.
        listens: Whether the store would listen to PostgreSQL's notifications without it.
    """
    yield f"{store} is behind a pooler or a proxy, which lends its sessions"
    if listens:
        yield (
            "a pooler passes on no notices of leases (LISTEN): callers that wait for a refresh "
            f"look at the store every {POLL_S * 1000:.0f} ms; and no statement is prepared"
        )


def settings_in(options: str) -> Iterator[tuple[str, str]]:
    """Yield those start-up settings of PostgreSQL that decide which tables are used.

    Args:
        options: The ``options`` of libpq: ``-c name=value``, with blanks escaped.
    """
    for name, value in _SETTING.findall(options):
        yield name.replace("-", "_"), re.sub(r"\\(.)", r"\1", value)


def is_pooled(connection: Any) -> bool:
    """Return True if a connection of psycopg or PyMySQL leads to a pooler or SQL proxy.

    A server tells a new client the number of its session. A pooler has to invent a number, and the
    session that it then lends has another one. For other drivers this returns False.
    """
    if hasattr(connection, "thread_id"):  # PyMySQL
        told = connection.thread_id()
        # A sum, since a proxy answers the plain query itself.
        question = "SELECT 0 + CONNECTION_ID()"
    elif hasattr(connection, "pgconn"):  # psycopg
        told = connection.info.backend_pid
        question = "SELECT pg_backend_pid()"
    else:
        return False
    cursor = connection.cursor()
    cursor.execute(question)
    ((number,),) = cursor.fetchall()
    cursor.close()
    return bool(int(number) != told)
