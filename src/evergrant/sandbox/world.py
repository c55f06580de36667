"""What exists in the sandbox: orgs, people, clients, and what they have granted each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["AccessToken", "Client", "Code", "Grant", "Org", "User"]


@dataclass(slots=True)
class Org:
    """A CRM organisation; ``kind`` is production, sandbox or developer."""

    zgid: str
    name: str
    kind: str = "production"
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Module name, then record id, then the record's fields."""


@dataclass(slots=True)
class User:
    """A person with an account in one data center, and the orgs they belong to."""

    email: str
    zuid: str
    first_name: str
    last_name: str
    orgs: list[Org]

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(slots=True)
class Client:
    """An app registered in the API console; its id is the same in every data center."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()
    secrets: dict[str, str] = field(default_factory=dict)
    """Data center code to secret, where the client has one for each."""
    data_centers: tuple[str, ...] | None = None
    """Where multi-DC is switched on; None: everywhere."""

    def secret_in(self, data_center: str) -> str:
        """Return the secret that is valid in this data center."""
        return self.secrets.get(data_center, self.client_secret)


@dataclass(slots=True)
class Grant:
    """A refresh token: what one user let one client do in one org."""

    refresh_token: str | None
    client_id: str
    user: User
    org: Org
    scopes: tuple[str, ...]
    created_at: datetime
    access_tokens: list[AccessToken] = field(default_factory=list)
    minted: list[datetime] = field(default_factory=list)
    revoked: bool = False


@dataclass(slots=True)
class AccessToken:
    """An access token; dead once revoked, evicted or past its hour."""

    value: str
    grant: Grant
    expires_at: datetime
    revoked: bool = False


@dataclass(slots=True)
class Code:
    """A one-time grant code."""

    value: str
    client_id: str
    user: User
    org: Org
    scopes: tuple[str, ...]
    redirect_uri: str | None
    expires_at: datetime
    offline: bool
    consented_again: bool
    challenge: str | None = None
    challenge_method: str = "plain"
    used: bool = False
