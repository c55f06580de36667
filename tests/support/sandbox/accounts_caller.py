from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from evergrant.sandbox import Client, Sandbox
from evergrant.sandbox.messages import Response

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = "/oauth/v2/token"
REDIRECT = "https://app.example.com/callback"
SCOPE = "ZohoCRM.modules.ALL,AaaServer.profile.READ"
ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.eu"


@dataclass
class Ask:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def data(answer: Response) -> Any:
    return json.loads(answer.body)


def query_of(url: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}


def basic(client: Client, secret: str | None = None) -> dict[str, str]:
    pair = f"{client.client_id}:{client.client_secret if secret is None else secret}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


class Caller:
    """A client app that asks one data center, in process."""

    def __init__(
        self, zoho: Sandbox, client: Client | None = None, data_center: str = "us"
    ) -> None:
        self.zoho = zoho
        self.client = client or zoho.client
        self.base = zoho.data_center(data_center).accounts_url

    def post(self, path: str, headers: Mapping[str, str] = FORM, /, **fields: str) -> Response:
        body = urlencode(fields).encode()
        return self.zoho.send(Ask("POST", self.base + path, {**FORM, **headers}, body))

    def get(self, path: str, authorization: str | None = None, base: str | None = None) -> Response:
        headers = {} if authorization is None else {"Authorization": authorization}
        return self.zoho.send(Ask("GET", (base or self.base) + path, headers))

    def token(self, grant_type: str, **fields: str) -> Response:
        who = {"client_id": self.client.client_id, "client_secret": self.client.client_secret}
        return self.post(TOKEN, **{**who, "grant_type": grant_type, **fields})

    def exchange(self, code: str, **fields: str) -> Response:
        return self.token("authorization_code", code=code, **fields)

    def refresh(self, refresh_token: str, **fields: str) -> Response:
        return self.token("refresh_token", refresh_token=refresh_token, **fields)

    def login(self, email: str = ALICE, **how: Any) -> dict[str, Any]:
        code = self.zoho.grant_code(email, client=self.client, **how)
        granted: dict[str, Any] = data(self.exchange(code))
        assert "access_token" in granted, granted
        return granted

    def status_of(self, access_token: str) -> int:
        """Ask whose the token is; 401 for a dead one."""
        return self.get("/oauth/user/info", f"Zoho-oauthtoken {access_token}").status

    def auth_url(self, **params: str) -> str:
        asked = {
            "client_id": self.client.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "access_type": "offline",
            **params,
        }
        return f"{self.base}/oauth/v2/auth?{urlencode(asked)}"
