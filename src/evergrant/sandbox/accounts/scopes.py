"""Reading a scope parameter."""

from __future__ import annotations

import re

__all__ = ["read_scopes"]

_SCOPE = re.compile(
    r"[a-z]\w*(\.\w+)+\.(all|create|read|update|delete|write)", re.IGNORECASE | re.ASCII
)


def read_scopes(text: str) -> tuple[str, ...] | None:
    """Return what is asked for; None if any of it is no scope.

    ``service.name.operation``, separated by commas
    (https://www.zoho.com/crm/developer/docs/api/v8/scopes.html); upper and lower case are both
    in use.
    """
    scopes = tuple(dict.fromkeys(text.split(",")))
    return scopes if all(_SCOPE.fullmatch(scope) for scope in scopes) else None
