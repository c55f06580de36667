"""What is Flask's alone."""

from __future__ import annotations

from flask import Flask

from evergrant import Keeper
from evergrant.integrations.flask import Zoho


def test_a_view_that_is_a_coroutine_function_may_require_a_login(keeper: Keeper) -> None:
    app = Flask(__name__)
    app.secret_key = "a secret of the tests"
    zoho = Zoho(app, keeper=keeper, scopes=["ZohoCRM.modules.ALL"])

    @app.get("/me")
    @zoho.login_required
    async def me() -> dict[str, str]:
        return {"user": zoho.user}

    client = app.test_client()
    assert client.get("/me").status_code == 401
    with client.session_transaction() as session:
        session["zoho_user"] = "alice@example.com"
    answer = client.get("/me")
    assert (answer.status_code, answer.json) == (200, {"user": "alice@example.com"})
