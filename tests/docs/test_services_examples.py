"""The examples of docs/services.md run; what they send is caught before it leaves."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import requests

import evergrant
from evergrant import Accounts, Keeper
from evergrant.clock import utc_now
from evergrant.token import Secret, Token
from tests.docs.test_examples import ROOT, blocks, run


def a_grant(domain: str) -> Token:
    return Token(
        user_name="alice@example.com:44001",
        client_id="1000.A",
        access_token=Secret("1000.planted"),
        refresh_token=Secret("1000.planted.too"),
        expires_at=utc_now() + timedelta(hours=1),
        api_domain=domain,
    )


def test_services_examples_call_each_service_in_the_users_data_center(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def answer(_: object, request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(200, content=b"{}", request=request)

    def send(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
        seen.append(request.url or "")
        response = requests.Response()
        response.status_code, response.raw, response.request = 200, io.BytesIO(b"{}"), request
        return response

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", answer)
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    first, second = blocks(ROOT / "docs" / "services.md")
    for block, domain in ((first, "https://www.zohoapis.eu"), (second, "https://www.zohoapis.uk")):
        with evergrant.open_store("memory:") as store, Accounts("1000.A", "secret") as accounts:
            store.save_token(a_grant(domain))
            with Keeper(store, accounts) as keeper:
                names: dict[str, Any] = {"keeper": keeper, "httpx2": httpx2}
                run(block, names)
                for name in ("desk", "books", "mail", "client"):
                    if name in names:
                        names[name].close()
    assert str(names["client"].base_url).startswith("https://desk.zoho.uk/")
    assert seen == [
        "https://desk.zoho.eu/api/v1/tickets",
        "https://www.zohoapis.eu/books/v3/invoices?organization_id=10234695",
        "https://mail.zoho.eu/api/accounts",
    ]
