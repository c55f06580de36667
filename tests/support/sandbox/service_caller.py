"""Tokens and calls of the sandbox's services, in process."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evergrant._oauth.messages import HttpRequest
from evergrant.sandbox import Sandbox

ALICE = "alice@example.com"
INVOICES, TICKETS = "/books/v3/invoices", "/hosts/desk/api/v1/tickets"


def token_of(zoho: Sandbox, *scopes: str, email: str = ALICE) -> str:
    code = zoho.grant_code(email, scopes)
    client = zoho.client
    form = (
        f"grant_type=authorization_code&code={code}&client_id={client.client_id}"
        f"&client_secret={client.client_secret}"
    )
    home = zoho.data_center(zoho.user(email).data_center)
    sent = HttpRequest(
        "POST",
        f"{home.accounts_url}/oauth/v2/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        form.encode(),
    )
    return str(json.loads(zoho.send(sent).body)["access_token"])


def get(
    zoho: Sandbox, path: str, token: str | None = None, headers: Mapping[str, str] = {}
) -> tuple[int, object]:
    signed = {"Authorization": f"Zoho-oauthtoken {token}"} if token else {}
    answer = zoho.send(HttpRequest("GET", f"{zoho.url}{path}", {**headers, **signed}))
    try:
        return answer.status, json.loads(answer.body)
    except ValueError:
        return answer.status, answer.body.decode()
