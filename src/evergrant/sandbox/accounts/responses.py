"""How an accounts server words its refusals."""

from __future__ import annotations

from html import escape

from evergrant.sandbox.messages import Response, html, json_response
from evergrant.sandbox.settings import Settings
from evergrant.sandbox.unsupported import NOT_IMPLEMENTED, marked

__all__ = ["error_page", "not_here", "page", "refused", "server_error", "throttled"]


def refused(settings: Settings, error: str) -> Response:
    """Refuse a token request: an error in the body, and mostly HTTP 200 around it.

    Source: a raw capture at https://github.com/asciisd/zoho/issues/6.
    """
    return json_response({"error": error}, settings.token_error_status)


def throttled(settings: Settings) -> Response:
    """Refuse one token request too many.

    Source: https://www.zoho.com/accounts/protocol/oauth/token-limits.html.
    """
    body = {
        "error_description": "You have made too many requests continuously. "
        "Please try again after some time.",
        "error": "Access Denied",
        "status": "failure",
    }
    return json_response(body, settings.throttle_status)


def server_error() -> Response:
    """Answer what Zoho shows where only POST is understood.

    https://www.zoho.com/books/api/v3/oauth/ names the error; its status and page are our guess.
    """
    return error_page("Server Error", "The request could not be processed.", 500)


def error_page(title: str, text: str, status: int = 400) -> Response:
    """Answer a page that says what is wrong; do not redirect."""
    return page(title, f"<p>{escape(text)}</p>", status)


def not_here(missing: str) -> Response:
    """Answer a page that says what the sandbox does not have; do not redirect."""
    text = f"Zoho has this, and the sandbox does not: {missing}."
    return marked(error_page("Not In The Sandbox", text, NOT_IMPLEMENTED), [missing])


def page(title: str, content: str, status: int = 200) -> Response:
    """Answer a page with trusted ``content`` (HTML) below its title."""
    answer = html(_PAGE.format(title=escape(title), content=content), status)
    return Response(status, {**answer.headers, **_PROTECTION}, answer.body)


_PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }}
main {{ max-width: 32rem; margin: 3rem auto; padding: 0 1rem; }}
fieldset {{ margin: 1rem 0; border: 1px solid; border-radius: .5rem; }}
label {{ display: block; padding: .5rem; }}
button {{ font: inherit; padding: .5rem 1.5rem; margin-right: .5rem; }}
:focus-visible {{ outline: 3px solid Highlight; outline-offset: 2px; }}
code {{ overflow-wrap: anywhere; }}
footer {{ margin-top: 3rem; font-size: .875rem; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
<footer>This is a sandbox on your own machine: no account of Zoho is involved.</footer>
</main>
</body>
</html>
"""
