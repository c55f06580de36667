"""``-f key=value`` as query parameters or a JSON body, nested as in ``data[][Last_Name]=Doe``.

The notation is the one of ``gh api`` (https://cli.github.com/manual/gh_api).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from evergrant.errors import ConfigError

__all__ = ["build_json_body", "parse_pairs"]

_KEY = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")
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


def build_json_body(fields: Iterable[str]) -> dict[str, Any]:
    """Build a JSON object. ``a[b]=v`` sets a key one level down, ``a[]=v`` appends to a list.

    ``a[][b]=v`` sets a key of the list's last object, or adds an object if that one has a ``b``.

    Raises:
        ConfigError: A field is malformed, or contradicts an earlier one.
    """
    body: dict[str, Any] = {}
    for key, value in parse_pairs(fields):
        if not _KEY.fullmatch(key):
            raise ConfigError(f"-f {key!r}: brackets do not match")
        try:
            _put(body, _PART.findall(key), value)
        except (TypeError, AttributeError):
            raise ConfigError(f"-f {key!r} contradicts an earlier field") from None
    return body


def _put(into: Any, parts: list[str], value: str) -> None:
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
