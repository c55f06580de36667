"""A student portal: log in with Zoho, and work on the students in your CRM.

`create_app` puts the pieces together; read `login` next, then `crm`.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from evergrant import Keeper, open_store
from student_portal import errors, login, security, students
from student_portal.crm import Students
from student_portal.settings import Settings

__all__ = ["create_app"]


def create_app() -> Flask:
    """Build the app, as the environment says (see `settings`).

    Raises:
        ConfigError: A setting is wrong, or no sandbox answers.
    """
    settings = Settings.from_environment()
    keeper = Keeper(open_store(settings.store), settings.accounts())
    app = Flask(__name__, instance_path=str(settings.home))
    https = settings.url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.cookie_key,
        SESSION_COOKIE_NAME="__Host-portal" if https else "portal",
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=14),
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    security.protect(app, settings.url)
    errors.explain(app)
    app.extensions["keeper"] = keeper
    app.extensions["students"] = Students(keeper, settings.home)
    app.register_blueprint(login.site)
    app.register_blueprint(students.site)
    return app
