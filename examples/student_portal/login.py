"""Logging in with Zoho, and out again.

Who is logged in stands in the session, which is a signed cookie; the tokens stay in the store.
"""

from __future__ import annotations

import secrets

from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from evergrant import Keeper
from evergrant.errors import CodeSpent, NoRefreshToken, UntrustedServer
from student_portal.settings import CALLBACK

__all__ = ["site", "user"]

SCOPES = ("ZohoCRM.modules.contacts.ALL", "ZohoCRM.settings.fields.READ")
"""Records, and the fields that Zoho's SDK asks for first."""

site = Blueprint("login", __name__)


def user() -> str:
    """Return who is logged in, as ``email:org``; nobody is an empty text."""
    name: str = session.get("user", "")
    return name


@site.get("/")
def welcome() -> Response | str:
    """Say what this is, to those who are not logged in."""
    return redirect(url_for("students.index")) if user() else render_template("welcome.html")


@site.get("/login")
def begin() -> Response:
    """Send the browser to Zoho's consent page."""
    browser = session.setdefault("browser", secrets.token_urlsafe(32))
    again = "again" in request.args  # the old grant is gone or incomplete: ask for a new one
    return redirect(_keeper().authorization_url(SCOPES, session=browser, prompt_consent=again), 303)


@site.get(CALLBACK)
def complete() -> Response:
    """Take the browser back from Zoho."""
    browser = session.get("browser", "")
    try:
        token = _keeper().complete_login(request.args, session=browser, repeatable=True)
    except NoRefreshToken:  # it was consented to before: only a new consent brings one
        again = _keeper().authorization_url(SCOPES, session=browser, prompt_consent=True)
        return redirect(again, 303)
    except (CodeSpent, UntrustedServer):
        if user():  # the page was loaded again, or another tab was faster
            return redirect(url_for("students.index"), 303)
        raise
    session.clear()  # nothing that was in this browser before the login is valid after it
    session.permanent = True
    session["user"] = token.user_name
    return redirect(url_for("students.index"), 303)


@site.post("/logout")
def leave() -> Response:
    """Log out; the grant stays, for the next login."""
    session.clear()
    return redirect(url_for("login.welcome"), 303)


@site.post("/disconnect")
def disconnect() -> Response:
    """Revoke the grant, at Zoho too, and log out."""
    if known := user():
        _keeper().revoke(known)
    session.clear()
    flash("The portal can no longer reach your CRM.")
    return redirect(url_for("login.welcome"), 303)


def _keeper() -> Keeper:
    keeper: Keeper = current_app.extensions["keeper"]
    return keeper
