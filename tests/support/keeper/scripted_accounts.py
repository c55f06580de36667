"""Accounts servers that answer from a script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from evergrant._oauth.messages import HttpRequest, HttpResponse
from evergrant.accounts import Accounts
from evergrant.errors import AccountsUnavailable
from evergrant.token import Token

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GRANT = {"access_token": "1000.a", "refresh_token": "1000.r", "expires_in": 3600}
MINTED = {"access_token": "1000.a2", "expires_in": 3600, "api_domain": "https://www.zohoapis.com"}
TOKEN = Token(
    id="7",
    user_name="alice@example.com:42",
    client_id="1000.ID",
    client_secret="old-secret",
    refresh_token="1000.r",
    access_token="1000.a",
    api_domain="https://www.zohoapis.com",
    scopes=("A.b.READ",),
)


def answer(body: object, status: int = 200) -> HttpResponse:
    return HttpResponse(status, {}, json.dumps(body).encode())


PAGE = HttpResponse(200, {"content-type": "text/html"}, b"<html>")
NOT_SENT = AccountsUnavailable("no answer from accounts.zoho.com", sent=False)
LOST = AccountsUnavailable("no answer from accounts.zoho.com", sent=True)

Step = HttpResponse | AccountsUnavailable


class Wire:
    """Answers from a script; the last line is repeated."""

    def __init__(self, *script: Step) -> None:
        self.script: Iterator[Step] = iter(script)
        self.last = script[-1]
        self.calls: list[HttpRequest] = []
        self.naps: list[float] = []

    def __call__(self, call: HttpRequest) -> HttpResponse:
        self.calls.append(call)
        step = next(self.script, self.last)
        if isinstance(step, AccountsUnavailable):
            raise step
        return step

    def form(self, index: int = -1) -> dict[str, str]:
        return dict(parse_qsl(self.calls[index].body.decode()))


def accounts(wire: Wire, **settings: object) -> Accounts:
    given: dict[str, object] = {
        "client_id": "1000.ID",
        "client_secret": "new-secret",
        "client_secrets": {"eu": "eu-secret"},
    }
    fixed = {"send": wire, "clock": lambda: NOW, "sleep": wire.naps.append}
    return Accounts(**{**given, **settings, **fixed})  # type: ignore[arg-type]
