"""``-f key=value`` as query parameters or a JSON body, nested as in ``data[][Last_Name]=Doe``.

The notation is the one of ``gh api`` (https://cli.github.com/manual/gh_api).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from evergrant.errors import ConfigError

__all__ = ["build_json_body", "parse_pairs", "parse_typed", "query_text"]

_KEY = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None}
_PART = re.compile(r"[^\[\]]+|\[\]")


def parse_pairs(fields: Iterable[str]) -> list[tuple[str, str]]:
    """Split each ``key=value`` at its first equals sign.

    Raises:
        ConfigError: A field has no equals sign or no key.
    """
    split = [field.partition("=") for field in fields]
    for key, equals, _ in split:
        if not (key and equals):
            raise ConfigError(f"-f {key!r} is not key=value")
    return [(key, value) for key, _, value in split]


def parse_typed(
    fields: Iterable[str], read: Callable[[str], bytes]
) -> list[tuple[str, bool | int | float | str | None]]:
    """Split each ``key=value``; true, false, null and numbers become JSON values.

    Args:
        read: Returns the content of a file, for ``@FILE``; ``@-`` is stdin.

    Raises:
        ConfigError: A field has no equals sign or no key, or a file is not UTF-8 text.
    """
    return [(key, _parse_value(value, read)) for key, value in parse_pairs(fields)]


def _parse_value(value: str, read: Callable[[str], bytes]) -> bool | int | float | str | None:
    if value.startswith("@"):
        try:
            return read(value[1:]).decode()
        except UnicodeDecodeError:
            raise ConfigError(f"{value[1:]} is not UTF-8 text") from None
    if value in _WORDS:
        return _WORDS[value]
    if _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return value


def query_text(value: bool | float | str | None) -> str:  # noqa: FBT001 - it is the value
    """Return a typed value as text for a query."""
    return value if isinstance(value, str) else json.dumps(value)


def build_json_body(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object. ``a[b]=v`` sets a key one level down, ``a[]=v`` appends to a list.

    ``a[][b]=v`` sets a key of the list's last object, or adds an object if that one has a ``b``.

    Raises:
        ConfigError: A field is malformed, or contradicts an earlier one.
    """
    body: dict[str, Any] = {}
    for key, value in fields:
        if not _KEY.fullmatch(key):
            raise ConfigError(f"-f {key!r}: brackets do not match")
        try:
            _put(body, _PART.findall(key), value)
        except (TypeError, AttributeError):
            raise ConfigError(f"-f {key!r} contradicts an earlier field") from None
    return body


def _put(into: Any, parts: list[str], value: Any) -> None:
    part, *rest = parts
    if part == "[]":
        if not rest:
            into.append(value)
        elif rest[0] != "[]" and into and rest[0] not in into[-1]:
            _put(into[-1], rest, value)
        else:
            into.append([] if rest[0] == "[]" else {})
            _put(into[-1], rest, value)
    elif rest:
        _put(into.setdefault(part, [] if rest[0] == "[]" else {}), rest, value)
    else:
        into.update({part: value})
