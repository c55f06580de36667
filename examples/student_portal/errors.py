"""What people read when something goes wrong: one page, in plain words, with a way on."""

from __future__ import annotations

from flask import Flask, current_app, render_template, session
from werkzeug.exceptions import HTTPException, NotFound

from evergrant import EvergrantError
from evergrant.errors import (
    CodeSpent,
    ConsentDenied,
    LoginRequired,
    MissingScope,
    NoRefreshToken,
    OAuthError,
    Throttled,
    TokenNotFound,
    UntrustedServer,
)
from student_portal.crm import Refused
from student_portal.security import StaleForm

__all__ = ["explain"]

ENDED = (401, "Please log in again", "Your connection to Zoho has ended.")

WORDS: dict[type[Exception], tuple[int, str, str]] = {
    LoginRequired: ENDED,
    NoRefreshToken: ENDED,
    TokenNotFound: ENDED,
    MissingScope: (403, "Not enough rights", "Log in again, and accept all that is asked for."),
    ConsentDenied: (403, "No consent", "Without your consent the portal cannot reach your CRM."),
    CodeSpent: (400, "This login is over", "It was used already, or took too long."),
    UntrustedServer: (400, "Not this login", "That does not answer a login of this browser."),
    Throttled: (
        503,
        "One moment, please",
        "Zoho asks us to wait until {error.retry_at:%H:%M} UTC.",
    ),
    EvergrantError: (502, "That did not work", "Please try again in a moment."),
    Refused: (502, "Zoho CRM did not do it", "{error}"),
    StaleForm: (400, "This form is too old", "Go back, load the page again, and send it again."),
    NotFound: (404, "Not here", "There is no such page, or no such student in your CRM."),
    HTTPException: (500, "{error.name}", "{error.description}"),
}
"""Status, title and text for each; the nearest class of an error counts."""


def explain(app: Flask) -> None:
    """Show a page for every error."""
    for kind in (EvergrantError, Refused, HTTPException):
        app.register_error_handler(kind, _page)


def _page(error: Exception) -> tuple[str, int]:
    words = next(WORDS[kind] for kind in type(error).__mro__ if kind in WORDS)
    status, title, text = words
    if isinstance(error, HTTPException):
        status = error.code or status
    else:
        why = f" ({error.__cause__})" if error.__cause__ else ""
        current_app.logger.warning("%s: %s%s", type(error).__name__, error, why)
    if words is ENDED:
        session.pop("user", None)
    page = render_template(
        "problem.html",
        title=title.format(error=error),
        text=text.format(error=error),
        log_in=isinstance(error, OAuthError | TokenNotFound) and not error.retryable,
        again=words is ENDED or isinstance(error, MissingScope),
    )
    return page, status
