"""What is Flask's alone: views that are coroutines, and addresses as it reads them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from evergrant import Keeper
from evergrant.integrations.flask import Zoho
from evergrant.sandbox import Sandbox
from tests.support.web.visitor import Visitor, served

ALICE = "alice@example.com"


@pytest.fixture
def alice(keeper: Keeper, door: socket.socket, zoho: Sandbox) -> Iterator[Visitor]:
    app = Flask(__name__)
    app.secret_key = "planted-session"
    extension = Zoho(app, keeper=keeper, scopes=["ZohoCRM.modules.ALL"])

    @app.get("/later")
    @extension.login_required
    async def later() -> dict[str, str]:
        return {"user": extension.user}

    @app.get("/größe/<name>")
    @extension.login_required
    def named(name: str) -> dict[str, str]:
        return {"name": name}

    with served(app, door) as url:
        visitor = Visitor(url, zoho)
        yield visitor
        visitor.browser.close()


def test_a_view_may_be_a_coroutine(alice: Visitor) -> None:
    assert alice.get("/later").status_code == 303
    alice.log_in(ALICE)
    assert alice.get("/later").json()["user"].startswith(ALICE)


def test_who_wants_a_page_with_a_name_beyond_ascii_gets_there(alice: Visitor) -> None:
    wanted = "/gr%C3%B6%C3%9Fe/a%3Fb?c=%C3%B6"
    sent = alice.get(wanted)
    assert parse_qs(urlsplit(sent.headers["location"]).query) == {"next": [wanted]}
    assert alice.log_in(ALICE, sent.headers["location"]) == wanted
    assert alice.get(wanted).json() == {"name": "a?b"}
