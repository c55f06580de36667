"""Pages of records: ``page`` for the first rows, self-contained page tokens beyond them.

A page token holds where its page begins, when it expires, and a digest that binds both to the
user and to the other parameters (get-records.html); the sandbox keeps nothing of it.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any, TypeVar

from evergrant.sandbox.crm.crm_call import CrmCall
from evergrant.sandbox.crm.errors import CrmError, ambiguous
from evergrant.sandbox.crm.times import stamp

__all__ = ["Page", "page_of", "sequence", "tokens"]

_HEAD, _DIGEST = 12, 12

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows a call asks for: ``size`` of them from ``start`` on."""

    start: int
    size: int

    @property
    def number(self) -> int:
        """The page's number, from 1 on."""
        return self.start // self.size + 1

    @property
    def end(self) -> int:
        """The row after the page's last."""
        return self.start + self.size

    def cut(self, rows: list[Row]) -> list[Row]:
        """Return the page's part of all rows."""
        return rows[self.start : self.end]

    def info(self, rows: list[Any]) -> dict[str, Any]:
        """Return what every list tells of its page, given all rows."""
        return {
            "per_page": self.size,
            "count": len(self.cut(rows)),
            "page": self.number,
            "more_records": len(rows) > self.end,
        }


def page_of(call: CrmCall) -> Page:
    """Return the page that the call asks for, by number.

    Raises:
        CrmError: The numbers are none, or the page is too large.
    """
    most = call.context.settings.max_page
    size = call.whole("per_page", most, most=most)
    return Page((call.whole("page", 1) - 1) * size, size)


def sequence(call: CrmCall) -> Page:
    """Return the page that the call asks for, by number or token, within what each may reach.

    Raises:
        CrmError: Both are given, the token is expired or does not fit, or the reach is exceeded.
    """
    page, settings = page_of(call), call.context.settings
    token = call.params.get("page_token")
    if token is not None:
        if "page" in call.params:
            raise ambiguous("page", "page_token")
        page = Page(_unseal(call, token), page.size)
        if page.end > settings.tokened_rows:
            limit = settings.tokened_rows
            message = f"You can only get upto {limit} records using page_token param"
            details = {"param_name": "page_token"}
            raise CrmError(400, "PAGINATION_LIMIT_EXCEEDED", message, details)
    elif page.end > settings.untokened_rows:
        limit = settings.untokened_rows
        message = f"You can only get the first {limit} records without using page_token param"
        raise CrmError(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, {"limit": limit})
    return page


def tokens(call: CrmCall, page: Page, *, more: bool) -> dict[str, Any]:
    """Return the part of ``info`` that leads to the neighbouring pages."""
    expiry = call.context.now + call.context.settings.page_token_life
    before = max(page.start - page.size, 0)
    return {
        "next_page_token": _seal(call, page.end, expiry) if more else None,
        "previous_page_token": _seal(call, before, expiry) if page.start else None,
        "page_token_expiry": stamp(expiry) if more else None,
    }


def _seal(call: CrmCall, start: int, expiry: datetime) -> str:
    head = start.to_bytes(4) + int(expiry.timestamp()).to_bytes(8)
    return urlsafe_b64encode(head + _digest(call, head)).decode()


def _unseal(call: CrmCall, token: str) -> int:
    try:
        raw = urlsafe_b64decode(token)
    except ValueError:
        raw = b""
    head = raw[:_HEAD]
    if len(raw) != _HEAD + _DIGEST or raw[_HEAD:] != _digest(call, head):
        message = (
            "The page_token given seems to be invalid or input param is added or altered or deleted"
        )
        raise CrmError(400, "TOKEN_BOUND_DATA_MISMATCH", message, {"param_name": "page_token"})
    if datetime.fromtimestamp(int.from_bytes(head[4:]), UTC) <= call.context.now:
        details = {"api_name": "page_token", "json_path": "$.query.page_token"}
        raise CrmError(400, "EXPIRED_VALUE", "Page token expired", details)
    return int.from_bytes(head[:4])


def _digest(call: CrmCall, head: bytes) -> bytes:
    asked = {name: call.params[name] for name in call.params if not name.startswith("page")}
    bound = [call.context.user.zuid, call.context.org.zgid, call.request.path, asked]
    text = json.dumps(bound, sort_keys=True).encode()
    return blake2s(head + text, digest_size=_DIGEST).digest()
