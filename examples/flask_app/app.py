"""``flask --app flask_app.app:create run``: see docs/frameworks.md."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, render_template_string

from evergrant import Accounts, Keeper, open_store
from evergrant.integrations.flask import Zoho

SCOPES = ["ZohoCRM.modules.ALL"]

FRONT = """<!doctype html><title>Leads</title>
{% if zoho.is_logged_in %}<p>{{ zoho.user }} <a href="{{ url_for('leads') }}">Leads</a></p>
<form method="post" action="{{ url_for('zoho.logout') }}"><button>Log out</button></form>
<form method="post" action="{{ url_for('zoho.logout', revoke=1) }}">
<button>Disconnect</button></form>
{% else %}<a href="{{ url_for('zoho.login') }}">Log in</a>{% endif %}
"""


def keeper_of_environment() -> Keeper:
    """Return the keeper that the environment describes."""
    accounts = Accounts(
        os.environ["ZOHO_CLIENT_ID"],
        os.environ["ZOHO_CLIENT_SECRET"],
        redirect_url=os.environ["ZOHO_REDIRECT_URL"],
    )
    return Keeper(open_store(os.environ["EVERGRANT_STORE"]), accounts)


def create(keeper: Keeper | None = None) -> Flask:
    """Return the app."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=os.environ["SESSION_SECRET"],
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=os.environ.get("INSECURE_COOKIES") is None,
    )
    zoho = Zoho(app, keeper=keeper or keeper_of_environment(), scopes=SCOPES)

    @app.get("/")
    def front() -> str:
        return render_template_string(FRONT, zoho=zoho)

    @app.get("/leads")
    @zoho.login_required
    def leads() -> Any:
        answer = zoho.client.get(f"{zoho.api_domain}/crm/v8/Leads", params={"fields": "Last_Name"})
        return answer.json() if answer.content else {"data": []}

    @app.get("/me")
    def me() -> dict[str, str]:
        return {"user": zoho.user}

    return app
