"""Where tokens are kept: one contract, many storages, each opened by its URL."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from evergrant.errors import ConfigError

if TYPE_CHECKING:
    from evergrant.stores.base import TokenStore

__all__ = ["default_store_url", "open_store"]

_ACCEPTED = (
    "Use sqlite:///relative.db, sqlite:////absolute/path.db, sqlite:///:memory:, memory: or list:."
)


def open_store(url: str, **options: Any) -> TokenStore:
    """Open the store that a URL names.

    ``memory:``, ``list:``, ``sqlite:///relative.db``, ``sqlite:////absolute/path.db`` or
    ``sqlite:///:memory:``; SQLite takes ``?table=name`` and ``?timeout=seconds``. Characters
    that mean something in a URL are percent-encoded in a path.

    Args:
        options: Arguments for the store's class, such as ``clock``; they overrule the URL's.

    Raises:
        ConfigError: The URL is malformed, or names nothing that evergrant knows.
        StoreUnavailable: The storage cannot be used.
    """
    if not re.match(r"[a-z][a-z0-9+.-]*:", url := str(url), re.IGNORECASE):
        raise ConfigError(
            f"{_masked(url)!r} is not the URL of a store",
            hint=f"For a SQLite file: sqlite:///{quote(_masked(url))}. {_ACCEPTED}",
        )
    scheme, _, rest = url.partition(":")
    match scheme.lower():
        case "memory":
            from evergrant.stores.memory import MemoryStore

            _refuse_rest(url, rest)
            return MemoryStore(**options)
        case "list":
            from evergrant.stores.list import ListStore

            _refuse_rest(url, rest)
            return ListStore(**options)
        case "sqlite":
            from evergrant.stores.sqlite import SQLiteStore

            location, _, query = rest.partition("?")
            return SQLiteStore(_sqlite_path(url, location), **(_parameters(url, query) | options))
    raise ConfigError(f"{_masked(url)!r} names no store that evergrant knows", hint=_ACCEPTED)


def default_store_url() -> str:
    """Return the store that is used when none is named: SQLite in the user's data folder.

    EVERGRANT_HOME, where it is set, is that folder.
    """
    folder = os.environ.get("EVERGRANT_HOME")
    if not folder:
        from platformdirs import user_data_dir

        folder = user_data_dir("evergrant")
    return f"sqlite:///{quote(str(Path(folder).absolute() / 'tokens.db'))}"


def _masked(url: str) -> str:
    """Return a URL that can be shown: without its password, and without its parameters."""
    head, at, tail = url.rpartition("@")
    if at:
        scheme, _, rest = head.partition(":")
        user, colon, _ = rest.partition(":")
        if colon:
            head = f"{scheme}:{user}:***"
        elif not rest.startswith("//"):
            head = f"{scheme}:***"
    return f"{head}{at}{tail.partition('?')[0]}"


def _refuse_rest(url: str, rest: str) -> None:
    if rest not in ("", "//"):
        raise ConfigError(f"{_masked(url)!r}: nothing may follow the colon", hint=_ACCEPTED)


def _sqlite_path(url: str, location: str) -> str:
    if not location.startswith("//"):
        raise ConfigError(f"{_masked(url)!r} lacks slashes", hint=_ACCEPTED)
    if location[2:3] not in ("", "/"):
        raise ConfigError(
            f"{_masked(url)!r} names a host, and SQLite has none",
            hint=f"A relative path takes three slashes, an absolute one four. {_ACCEPTED}",
        )
    path = os.fsdecode(unquote_to_bytes(location[3:]))
    if "\0" in path:
        raise ConfigError(f"{_masked(url)!r}: a path cannot contain a zero byte", hint=_ACCEPTED)
    return path or ":memory:"


def _parameters(url: str, query: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ConfigError(f"{_masked(url)!r}: what follows ? is not name=value") from None
    for name, value in pairs:
        if name not in ("table", "timeout") or name in found:
            raise ConfigError(
                f"{_masked(url)!r} has an unknown or repeated parameter {name!r}",
                hint="SQLite takes ?table=name and ?timeout=seconds.",
            )
        found[name] = _seconds(url, value) if name == "timeout" else value
    return found


def _seconds(url: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ConfigError(f"{_masked(url)!r}: the timeout is not a number of seconds")
    return seconds
