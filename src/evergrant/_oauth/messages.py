"""A request and a response as values, so that protocol code needs no connection."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from evergrant.token import Secret

__all__ = ["HttpRequest", "HttpResponse", "Transport", "form_request"]

_SECRET_KEYS = ("access_token", "refresh_token")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to be sent; headers and body do not show, they carry secrets."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json_object(self) -> dict[str, Any] | None:
        """Return the body's JSON object with its tokens masked, or None if it is none."""
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        if not isinstance(data, dict):
            return None
        for key in _SECRET_KEYS:
            if isinstance(data.get(key), str):
                data[key] = Secret(data[key])
        return data


Transport = Callable[[HttpRequest], HttpResponse]
"""Carries a request to a server. Raises `AccountsUnavailable` when no response came."""


def form_request(url: str, fields: Mapping[str, str | None], **headers: str) -> HttpRequest:
    """Build a POST of form fields; fields that are None are left out."""
    plain = {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in fields.items()
        if value is not None
    }
    kind = {"content-type": "application/x-www-form-urlencoded"}
    # What is no text cannot be right, but it is the server's to refuse, not ours to crash on.
    return HttpRequest("POST", url, kind | headers, urlencode(plain, errors="replace").encode())
