"""One request, and everything needed to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evergrant.datacenter import DataCenter
from evergrant.sandbox.accounts.consent_tickets import Tickets
from evergrant.sandbox.accounts.grants import Grants
from evergrant.sandbox.crm.schema import Schema
from evergrant.sandbox.messages import Request
from evergrant.sandbox.models import AccessToken, Client, Org
from evergrant.sandbox.registry import Directory
from evergrant.sandbox.settings import Settings

__all__ = ["Host", "RequestContext", "SandboxState"]


@dataclass(slots=True)
class SandboxState:
    """All that the sandbox knows; guarded by the sandbox's lock."""

    settings: Settings
    directory: Directory
    grants: Grants
    tickets: Tickets
    client: Client
    """The sandbox's own app, which other processes are told of."""
    schema: Schema = field(default_factory=Schema)
    records: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    """What other services list, by service and by the last part of the address."""
    denied: set[tuple[str, str]] = field(default_factory=set)
    """E-mail addresses and services: people whose role does not let them use it."""
    lists: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """By service, the lists (`services.resource_server.Listing`) that a test declared."""
    limited: dict[str, int] = field(default_factory=dict)
    """By service, how many more calls are refused as too many."""
    data_centers: Mapping[str, DataCenter] = field(default_factory=dict)
    """By code; filled once the ports are known."""

    def describe(self) -> dict[str, object]:
        """Return what other processes are told: where the sandbox is, its own client, its users."""
        urls = ("code", "accounts_url", "api_url", "sandbox_url", "developer_url", "product_host")
        client = self.client
        return {
            "data_centers": [
                {key: getattr(home, key) for key in urls} for home in self.data_centers.values()
            ],
            "client_id": client.client_id,
            "client_secret": client.client_secret,  # of an app that is known here only
            "redirect_uris": client.redirect_uris,
            "users": [user.email for user in self.directory.users.values()],
        }

    def api_url(self, org: Org) -> str:
        """Return the base URL of the API that serves an org: its environment has its own."""
        home = self.data_centers[org.data_center]
        urls = {"sandbox": home.sandbox_url, "developer": home.developer_url}
        return urls.get(org.kind) or home.api_url


@dataclass(frozen=True, slots=True)
class Host:
    """One address of the sandbox.

    Attributes:
        data_center: The code of the data center.
        kind: The kind of org whose API it serves: production, sandbox or developer. The
            accounts server stands beside the production API.
    """

    data_center: str
    kind: str


@dataclass(slots=True)
class RequestContext:
    """A request at a place, and what is found out about it for the call log."""

    request: Request
    place: Host
    state: SandboxState
    now: datetime
    grant_type: str | None = None
    user: str | None = None
    service: str | None = None
    org: str | None = None
    missing: list[str] = field(default_factory=list)

    def access_token(self) -> AccessToken | None:
        """Return the live token of this data center that came with the request."""
        value = self.presented_token()
        token = self.state.grants.access_token(value, self.now) if value else None
        if token is None or token.grant.user.data_center != self.place.data_center:
            return None
        self.user = token.grant.user.email
        return token

    def presented_token(self) -> str | None:
        """Return what stands in the Authorization header; None where that is no OAuth header.

        Zoho documents ``Zoho-oauthtoken`` alone and was seen to take ``Bearer`` too
        (https://www.zoho.com/books/api/v3/oauth/).
        """
        scheme, _, value = self.request.headers.get("authorization", "").partition(" ")
        if scheme == "Zoho-oauthtoken":
            return value.strip()
        if self.state.settings.strict_header:
            return None
        return value.strip() if scheme.lower() in ("bearer", "zoho-oauthtoken") else None
