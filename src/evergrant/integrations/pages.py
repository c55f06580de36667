"""The page that a browser shows when an evergrant error ends a request."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

__all__ = ["PAGE_HEADERS", "page", "wants_page"]

PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;margin:20vh auto;max-width:34rem;
padding:0 1rem}}</style>
<h1>{title}</h1><p>{text}</p><p>{links}</p></html>
"""


def wants_page(header: Callable[[str], str | None]) -> bool:
    """Return True if the client accepts HTML, as browsers do; programs get JSON.

    Args:
        header: Returns a header of the request, or None.
    """
    return "text/html" in (header("Accept") or "").lower()


def page(text: str, *, front: str, login: str | None) -> str:
    """Return a page that says what happened, with links to continue.

    Args:
        front: The app's front page.
        login: The page that starts a login, or None if a login would not help.
    """
    links = [f'<a href="{escape(login)}">Log in with Zoho</a>'] if login else []
    links.append(f'<a href="{escape(front)}">To the start</a>')
    return _PAGE.format(title="That did not work", text=escape(text), links=" · ".join(links))
