"""Scopes as people write them: a text or many, with blanks or commas between."""

from __future__ import annotations

import re
from collections.abc import Iterable

from evergrant.errors import ConfigError

__all__ = ["comma_separated", "read_scopes"]

_SCOPE = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,199}", re.ASCII)
_BETWEEN = re.compile(r"[\s,]+")
_HINT = "Write scopes as Zoho does, such as ZohoCRM.modules.ALL, in a list or with commas between."


def read_scopes(scopes: str | Iterable[str]) -> tuple[str, ...]:
    """Return scopes one by one, in their order, each once.

    Raises:
        ConfigError: One of them cannot be a scope.
    """
    given: object = scopes  # whatever a program hands in
    if not isinstance(given, Iterable):
        raise ConfigError(f"scopes are texts, not a {type(given).__name__}", hint=_HINT)
    found: dict[str, str] = {}
    for text in [given] if isinstance(given, str) else given:
        if not isinstance(text, str):
            raise ConfigError(f"a scope is a text, not a {type(text).__name__}", hint=_HINT)
        for scope in filter(None, _BETWEEN.split(text)):
            if not _SCOPE.fullmatch(scope):
                raise ConfigError(f"{scope[:200]!r} is no scope", hint=_HINT)
            found.setdefault(scope.lower(), scope)
    return tuple(found.values())


def comma_separated(scopes: str | Iterable[str]) -> str:
    """Return scopes as Zoho takes them.

    Raises:
        ConfigError: There is none, or one of them cannot be a scope.
    """
    asked = read_scopes(scopes)
    if not asked:
        raise ConfigError("no scope is asked for", hint=_HINT)
    return ",".join(asked)
