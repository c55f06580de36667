"""How a service pages its lists, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Pages", "items_in", "value_at"]


@dataclass(frozen=True, slots=True)
class Pages:
    """How the pages of a list are asked for, one after another.

    Attributes:
        parameter: The query parameter of the page, or of the first item on it.
        first: The value of the first page.
        size_parameter: The query parameter of how many items a page has at most.
        size: The most items that the service puts on a page.
        by_item: Whether ``parameter`` counts items; else pages.
        more_key: Where the answer says that there are more: keys with dots between. Where it does
            not say so, a page with fewer items than ``size`` is the last.
        token_key: Where the answer has a token for the next page, or None.
        token_parameter: The query parameter that takes it, in place of ``parameter``.
    """

    parameter: str
    size_parameter: str
    size: int
    first: int = 1
    by_item: bool = False
    more_key: str = ""
    token_key: str | None = None
    token_parameter: str = ""

    def first_query(self, query: Mapping[str, str]) -> dict[str, str]:
        """Return the query of the first page; a page size of the caller's own stays."""
        return {self.size_parameter: str(self.size), **query}

    def next_query(self, query: Mapping[str, str], body: Any) -> dict[str, str] | None:
        """Return the query of the page after one, or None if that was the last.

        Args:
            query: What the page was asked for with.
            body: What came back, parsed.
        """
        items = items_in(body)
        more = value_at(body, self.more_key) if self.more_key else None
        size = int(query.get(self.size_parameter, self.size))
        if not items or more is False or (more is None and len(items) < size):
            return None
        rest = {key: value for key, value in query.items() if key != self.parameter}
        token = value_at(body, self.token_key) if self.token_key else None
        if isinstance(token, str) and token:
            return rest | {self.token_parameter: token}
        here = int(query.get(self.parameter, self.first))
        return rest | {self.parameter: str(here + (len(items) if self.by_item else 1))}


def items_in(body: Any) -> list[Any]:
    """Return the items of an answer: the answer itself, or the first list in it."""
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        return []
    for value in body.values():
        if isinstance(value, list):
            return value
    nested = (items_in(value) for value in body.values() if isinstance(value, dict))
    return next(filter(None, nested), [])


def value_at(body: Any, key: str) -> Any:
    """Return what stands at a key with dots between its parts, or None; "" is the whole."""
    for part in filter(None, key.split(".")):
        body = body.get(part) if isinstance(body, dict) else None
    return body
