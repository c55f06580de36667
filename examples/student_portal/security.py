"""What every page needs against forged requests, framing, sniffing and curious eyes."""

from __future__ import annotations

import hmac
import logging
import re
import secrets

from flask import Flask, Response, redirect, request, session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

__all__ = ["StaleForm", "protect"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


class StaleForm(BadRequest):
    """A form came without the token of this browser's session."""


def protect(app: Flask, url: str) -> None:
    """Guard every request, and seal every response.

    Args:
        url: Where browsers find the portal.
    """
    scheme, _, host = url.partition("://")
    headers = HEADERS | (HTTPS_ONLY if scheme == "https" else {})

    @app.before_request
    def at_its_own_address() -> AnyResponse | None:
        # Another name (localhost) has other cookies; a foreign one is how DNS rebinding comes in.
        return None if request.host == host else redirect(url)

    @app.before_request
    def with_our_form() -> None:
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            ours, sent = session.get("form", ""), request.form.get("form_token", "")
            if not ours or not hmac.compare_digest(ours.encode(), sent.encode()):
                raise StaleForm

    @app.after_request
    def seal(response: Response) -> Response:
        response.headers.update(headers)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    app.jinja_env.globals["form_token"] = _form_token
    logging.getLogger("werkzeug").addFilter(_without_query)


def _form_token() -> str:
    """Return what each form carries, to show that it came from a page of ours."""
    token: str = session.setdefault("form", secrets.token_urlsafe(32))
    return token


def _without_query(record: logging.LogRecord) -> bool:
    """Keep one-time codes out of the development server's log: they are in the query."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            re.sub(r"\?\S*", "?…", part) if isinstance(part, str) else part for part in record.args
        )
    return True
