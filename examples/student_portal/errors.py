"""What people read when something goes wrong: one page, in plain words, with a way on."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask, current_app, render_template, session
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge

from evergrant import EvergrantError
from evergrant.errors import (
    CodeSpent,
    ConsentDenied,
    LoginRequired,
    MissingScope,
    NoRefreshToken,
    Throttled,
    TokenNotFound,
    UntrustedServer,
)
from student_portal.crm import Refused
from student_portal.security import StaleForm

__all__ = ["explain"]

Page = tuple[str, int, dict[str, str]]

ENDED = (401, "Please log in again", "Your connection to Zoho has ended. Nothing is lost.")

WORDS: dict[type[Exception], tuple[int, str, str]] = {
    LoginRequired: ENDED,
    NoRefreshToken: ENDED,
    TokenNotFound: ENDED,
    MissingScope: (403, "Not enough rights", "Log in again, and accept all that is asked for."),
    ConsentDenied: (403, "You said no", "Without your consent the portal cannot reach your CRM."),
    CodeSpent: (400, "This login is over", "It was used already, or took too long."),
    UntrustedServer: (400, "Not this login", "That does not answer a login of this browser."),
    Throttled: (503, "One moment, please", "Zoho wants us to wait until {at:%H:%M} UTC."),
    EvergrantError: (502, "Zoho cannot be reached", "Please try again in a moment."),
    Refused: (502, "Zoho said no", "{error}"),
    StaleForm: (400, "This form is too old", "Go back, load the page again, and send it again."),
    NotFound: (404, "Not here", "There is no such page, or no such student in your CRM."),
    RequestEntityTooLarge: (413, "Too much", "That is more than a student takes."),
}
"""Status, title and text for each; the nearest class of an error counts."""


def explain(app: Flask) -> None:
    """Show a page for every error that is no mistake of ours."""
    for kind in (EvergrantError, Refused, HTTPException):
        app.register_error_handler(kind, _page)


def _page(error: Exception) -> Page | HTTPException:
    known = next((WORDS[kind] for kind in type(error).__mro__ if kind in WORDS), None)
    if known is None:
        assert isinstance(error, HTTPException)  # noqa: S101 - nothing else is handed in here
        return error
    status, title, text = known
    headers, at = {}, datetime.now(UTC)
    if isinstance(error, EvergrantError):
        current_app.logger.warning("%s: %s", type(error).__name__, error)
    if known is ENDED:
        session.pop("user", None)
    if isinstance(error, Throttled):
        at = error.retry_at
        headers["Retry-After"] = str(max(1, round((at - datetime.now(UTC)).total_seconds())))
    page = render_template(
        "problem.html",
        title=title,
        text=text.format(error=error, at=at),
        log_in=isinstance(error, EvergrantError) and status < 500,
        again=known is ENDED or isinstance(error, MissingScope),
    )
    return page, status, headers
