"""A request and a response as the sandbox's rooms see them: no sockets, no framework."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["Request", "Response", "html", "json_response", "redirect"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: Upper case.
        path: Without the query.
        query: The raw query string.
        headers: Names in lower case.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def params(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form body; empty for any other body."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_response(body: Any, status: int = 200, **headers: str) -> Response:
    """Answer JSON with the content type that Zoho sends."""
    kind = {"Content-Type": "application/json;charset=UTF-8"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, kind | named, json.dumps(body, ensure_ascii=False).encode())


def html(body: str, status: int = 200) -> Response:
    """Answer a page."""
    return Response(status, {"Content-Type": "text/html;charset=UTF-8"}, body.encode())


def redirect(location: str) -> Response:
    """Send the browser elsewhere."""
    return Response(302, {"Location": location})
