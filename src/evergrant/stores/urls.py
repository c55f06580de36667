"""Parses, validates and displays the URLs of stores."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from evergrant.errors import ConfigError
from evergrant.stores.file_kinds import is_csv

__all__ = [
    "REDIS",
    "SUPPORTED_URLS",
    "file_path",
    "hide_password",
    "is_sql",
    "parse_query",
    "parse_seconds",
    "require_bare_scheme",
    "sqlite_path",
    "url_of_file",
    "without_parameters",
]

SUPPORTED_URLS = "Stores: sqlite:///relative.db, file:///absolute.csv and others in docs/stores.md."


REDIS = ("redis", "rediss", "unix", "redis+cluster", "redis+sentinel")
"""The schemes of Redis and Valkey."""


def is_sql(scheme: str) -> bool:
    """Return True if a scheme (in lower case) is a SQLAlchemy one that we support."""
    return scheme.partition("+")[0] in ("mysql", "mariadb", "postgres", "postgresql")


def hide_password(url: str) -> str:
    """Return a URL without its password and parameters, to be shown."""
    head, at, tail = str.__str__(url).rpartition("@")
    if at:
        scheme, _, rest = head.partition(":")
        user, colon, _ = rest.partition(":")
        if colon:
            head = f"{scheme}:{user}:***"
        elif not rest.startswith("//"):
            head = f"{scheme}:***"
    head = re.sub(r"%3a.*", ":***", head, flags=re.IGNORECASE | re.DOTALL)
    shown = f"{head}{at}{tail.partition('?')[0]}"
    if re.match(r"[^/]*//[^/]", shown):  # the path of a file may have one
        shown = re.sub(r"#.+", "#***", shown, flags=re.DOTALL)
    if not at:  # what is in the place of a port and is no number was meant as a password
        shown = re.sub(r"^([^/]*//[^/:\[]*):(?!\d{0,5}(?:[/,]|$))[^/]*", r"\1:***", shown)
    return without_parameters(shown)


def without_parameters(url: str) -> str:
    """Return a text without any part that it calls a password, wherever that is."""
    return re.sub(
        r"(pass\w*|pwd|secret)(\s*=\s*|%3d)[^&;,\s]*", r"\1\2***", url, flags=re.IGNORECASE
    )


def url_of_file(path: str) -> str:
    """Return the URL of the store for a file, by its content or else by its ending."""
    of_lines = is_csv(path)
    quoted = quote(str(Path(path).absolute()) if of_lines else path, errors="replace")
    return f"file://{quoted}" if of_lines else f"sqlite:///{quoted}"


def require_bare_scheme(url: str, rest: str) -> None:
    """Refuse a URL that has more than a scheme.

    Raises:
        ConfigError: Something follows the colon.
    """
    if rest not in ("", "//"):
        raise ConfigError(
            f"{hide_password(url)!r}: nothing may follow the colon", hint=SUPPORTED_URLS
        )


def sqlite_path(url: str, location: str) -> str:
    """Return the path of a SQLite URL, whose ``location`` follows the scheme's colon.

    Raises:
        ConfigError: It has a host, or no slashes.
    """
    if not location.startswith("//"):
        hint = f"For this file: {url_of_file(location)}. {SUPPORTED_URLS}"
        raise ConfigError(f"{hide_password(url)!r} lacks slashes", hint=hint)
    if location[2:3] not in ("", "/"):
        raise ConfigError(
            f"{hide_password(url)!r} names a host, and SQLite has none",
            hint=f"A relative path takes three slashes, an absolute one four. {SUPPORTED_URLS}",
        )
    return _decoded(url, location[3:]) or ":memory:"


def file_path(url: str, location: str) -> str:
    """Return the path of a file URL (RFC 8089), whose ``location`` follows the scheme's colon.

    Raises:
        ConfigError: It has another host, a relative path, or parameters.
    """
    if "?" in location:
        raise ConfigError(
            f"{hide_password(url)!r}: a file has no parameters", hint="Write a ? in a name as %3F."
        )
    host, slash, path = location.removeprefix("//").partition("/")
    if not slash or not location.startswith("/"):
        hint = f"For this file: {url_of_file(location.removeprefix('//'))}. {SUPPORTED_URLS}"
        raise ConfigError(f"{hide_password(url)!r} has no absolute path", hint=hint)
    if host.lower() not in ("", "localhost"):
        raise ConfigError(
            f"{hide_password(url)!r} names a host, but only files of this host can be opened",
            hint=f"An absolute path takes three slashes. {SUPPORTED_URLS}",
        )
    return _decoded(url, f"/{path}")


def _decoded(url: str, quoted: str) -> str:
    try:
        path = os.fsdecode(unquote_to_bytes(os.fsencode(quoted)))
    except UnicodeEncodeError:  # a lone surrogate
        path = "\0"
    if "\0" in path:
        raise ConfigError(
            f"{hide_password(url)!r}: a path cannot contain a zero byte or half a character",
            hint=SUPPORTED_URLS,
        )
    return path


Readers = Mapping[str, Callable[[str], Any]]
"""For each parameter that a store's URL may have, a parser of its text; may raise ValueError."""


def parse_query(url: str, query: str, known: Readers) -> dict[str, Any]:
    """Return the parameters in a URL's query.

    Raises:
        ConfigError: A parameter is unknown, repeated or malformed.
    """
    found: dict[str, Any] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ConfigError(f"{hide_password(url)!r}: what follows ? is not name=value") from None
    for name, text in pairs:
        if name not in known or name in found:
            raise ConfigError(
                f"{hide_password(url)!r} has an unknown or repeated parameter {name!r}",
                hint=f"Known parameters: {', '.join(sorted(known))}.",
            )
        try:
            found[name] = known[name](text)
        except ValueError as error:
            raise ConfigError(f"{hide_password(url)!r}: the {name} is {error}") from None
    return found


def parse_seconds(text: str) -> float:
    """Return a number of seconds, 0 or more.

    Raises:
        ValueError: The text is no such number; the message says so.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError("not a number of seconds")
    return value
