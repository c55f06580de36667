"""How each service cuts its lists into pages, and what it says of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "BOOKS",
    "CLIQ",
    "CRM",
    "DESK",
    "MAIL",
    "PEOPLE",
    "PROJECTS",
    "UNPAGED",
    "WORKDRIVE",
    "Paging",
]


MAX_DIGITS = 18
"""Of a number: more than any list has items for, and fewer than Python refuses to read."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: where it begins and ends among all items, and whether there are more."""

    number: int
    size: int
    start: int
    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class Paging:
    """The parameters of a page.

    Attributes:
        place: Names the page, or its first item.
        size: Names how many items it has.
        default: The size of a page that the call does not size.
        most: The largest page.
        first: The value of the first page.
        by_item: Whether ``place`` counts items; else pages.
        says: Returns what the answer says of the page besides its items.
    """

    place: str = ""
    size: str = ""
    default: int = 0
    most: int = 0
    first: int = 1
    by_item: bool = False
    says: Callable[[Page], dict[str, Any]] = lambda _: {}

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that it reads."""
        return frozenset({self.place, self.size} - {""})

    def cut(self, params: Mapping[str, str], items: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the items of the page that a call asks for, and what is said of the page."""
        if not self.size:
            return items, {}
        size = min(max(_number(params.get(self.size), self.default), 1), self.most)
        place = max(_number(params.get(self.place), self.first), self.first)
        start = (place - self.first) * (1 if self.by_item else size)
        shown = items[start : start + size]
        page = Page(start // size + 1, size, start, len(shown), len(items) > start + size)
        return shown, self.says(page)


def _number(text: str | None, otherwise: int) -> int:
    is_number = text and text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    return int(text) if text and is_number else otherwise


def _page_context(page: Page) -> dict[str, Any]:
    more = {"page": page.number, "per_page": page.size, "has_more_page": page.more}
    return {"page_context": more}


def _info(page: Page) -> dict[str, Any]:
    said = {"per_page": page.size, "count": page.count, "page": page.number}
    return {"info": {**said, "more_records": page.more}}


def _next_token(page: Page) -> dict[str, Any]:
    return {"next_token": str(page.start + page.count)} if page.more else {}


UNPAGED = Paging()

BOOKS = Paging("page", "per_page", 200, 200, says=_page_context)
"""https://zoho.com/books/api/v3/pagination."""

CRM = Paging("page", "per_page", 200, 200, says=_info)
"""https://www.zoho.com/crm/developer/docs/api/v8/get-records.html; of Recruit, too."""

DESK = Paging("from", "limit", 10, 100, first=0, by_item=True)
"""https://desk.zoho.com/DeskAPIDocument: from 0, at most 100 tickets."""

PROJECTS = Paging("page", "per_page", 100, 200)
"""https://projects.zoho.com/api-docs."""

MAIL = Paging("start", "limit", 10, 200, by_item=True)
"""https://www.zoho.com/mail/help/api/: 10 messages by default, and 200 at most, from 1 on."""

PEOPLE = Paging("sIndex", "limit", 20, 200, by_item=True)
"""https://www.zoho.com/deluge/help/people/fetch-records.html: 20 records by default, and 200 at
most, from 1 on."""

WORKDRIVE = Paging("page[offset]", "page[limit]", 50, 50, first=0, by_item=True)
"""https://www.zoho.com/workdrive/developer/docs/api/v1/getting-started-pagination.html: by
offset; a cursor is not in the sandbox."""

CLIQ = Paging("next_token", "limit", 50, 100, first=0, by_item=True, says=_next_token)
"""https://www.zoho.com/cliq/help/restapi/v2/pagination/: a token of the page before; none on the
last. What is in a token is the sandbox's own."""
