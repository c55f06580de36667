"""Who is at the other end: the server itself, or a pooler that lends us one of its sessions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evergrant.stores.leases import POLL

__all__ = ["costs", "is_pooled", "settings_in"]

_SETTING = re.compile(r"(?:^|\s)(?:-c\s*|--)(search[-_]path|role)=((?:\\.|[^\s\\])*)")


def costs(store: str, *, listens: bool) -> Iterator[str]:
    """Say what a pooler costs.

    Args:
        store: The store's URL.
        listens: Whether the store would listen to PostgreSQL's notifications without it.
    """
    yield f"{store} is behind a pooler or a proxy, which lends its sessions"
    if listens:
        yield (
            "through a pooler comes no word of leases (LISTEN): who waits for another's refresh "
            f"looks every {POLL * 1000:.0f} ms; and nothing is prepared"
        )


def settings_in(options: str) -> Iterator[tuple[str, str]]:
    """Yield the settings that decide whose tables are used, of what PostgreSQL is started with.

    Args:
        options: What libpq calls so: ``-c name=value``, with blanks escaped.
    """
    for name, value in _SETTING.findall(options):
        yield name.replace("-", "_"), re.sub(r"\\(.)", r"\1", value)


def is_pooled(connection: Any) -> bool:
    """Return True if a connection of psycopg's or PyMySQL's leads to a pooler or a proxy of SQL.

    A server tells who connects the number of the session. A pooler has to say one of its own, and
    the session that it then lends has another. Of other drivers nothing is known: False.
    """
    if hasattr(connection, "thread_id"):  # PyMySQL
        told = connection.thread_id()
        # A sum, for a proxy answers the plain question itself.
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
