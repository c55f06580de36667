"""What a service's answer says of the token that came with the request."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

__all__ = ["PAGE", "Refusal", "codes_in"]

PAGE = "<page>"
"""Stands for the code of an answer that is a web page."""

MAX_DEPTH = 3
"""Levels of a body that are searched for a code; the services' own have at most three."""

_CODE_KEYS = frozenset({"code", "Code", "errorCode", "error_code", "id", "summary", "title"})
"""The keys under which a code was seen, over all services. ``id`` is WorkDrive's, ``title``
Projects'; a code is compared with the service's own, so that other values do no harm."""


class Refusal(Enum):
    """What a refused request says of the token that came with it."""

    DEAD_TOKEN = "dead token"  # noqa: S105 - a reason
    """The access token has expired, or was revoked or evicted: a new one works."""
    MISSING_SCOPE = "missing scope"
    """The grant does not cover the request; a new access token does not either."""
    RATE_LIMIT = "rate limit"
    """Too many requests; the same one works later."""
    UNCLEAR = "token, scope or role"
    """The service answers the same for a dead token, a missing scope and a user's role."""


def codes_in(body: bytes) -> set[str]:
    """Return the codes that an error's body names, as text: of any service, in any of its forms."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {PAGE} if body.lstrip()[:1] == b"<" else set()
    found: set[str] = set()
    _collect(data, found, MAX_DEPTH)
    return found


def _collect(data: Any, found: set[str], depth: int) -> None:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in _CODE_KEYS and isinstance(value, str | int) and not isinstance(value, bool):
                found.add(str(value))
        # Social names its code in ``message`` inside ``error``.
        if isinstance(error := data.get("error"), dict) and isinstance(error.get("message"), str):
            found.add(error["message"])
        elif isinstance(error, str):
            found.add(error)
    if depth and isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            _collect(value, found, depth - 1)
