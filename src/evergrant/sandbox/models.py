"""What exists in the sandbox: orgs, people, clients, and what they have granted each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evergrant.sandbox.limits import Window

__all__ = ["ORG_KINDS", "AccessToken", "Client", "Code", "Grant", "Org", "User"]


ORG_KINDS = ("production", "sandbox", "developer")
"""Each has an API host of its own; the first stands beside the accounts server."""


@dataclass(slots=True, eq=False)
class Org:
    """A CRM organisation; ``kind`` is one of `ORG_KINDS`."""

    zgid: str
    name: str
    kind: str = "production"
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict, repr=False)
    """Module name, then record id, then the record's fields."""
    data_center: str = "us"
    members: list[User] = field(default_factory=list, repr=False)


@dataclass(slots=True, eq=False)
class User:
    """A person with an account in one data center, and the orgs they belong to.

    Attributes:
        services: The services that the person has an account in; None: all.
    """

    email: str
    zuid: str
    first_name: str
    last_name: str
    orgs: list[Org]
    data_center: str = "us"
    services: frozenset[str] | None = None

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(slots=True, eq=False)
class Client:
    """An app registered in the API console; its id is the same in every data center."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...] = ()
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    """Data center code to secret, where the client has one for each."""
    data_centers: tuple[str, ...] | None = None
    """Where multi-DC is switched on; None: everywhere."""

    def secret_in(self, data_center: str) -> str:
        """Return the secret that is valid in this data center."""
        return self.secrets.get(data_center, self.client_secret)

    def enabled_in(self, data_center: str) -> bool:
        """Return True if this data center knows the client."""
        return self.data_centers is None or data_center in self.data_centers


@dataclass(slots=True, eq=False)
class Grant:
    """What one user let one client do in one org.

    Attributes:
        refresh_token: None where Zoho gave none: online access, or consent of old.
        access_tokens: The active ones, oldest first.
        mints: Counts what was minted with the refresh token.
    """

    refresh_token: str | None = field(repr=False)
    client_id: str
    user: User
    org: Org
    scopes: tuple[str, ...]
    access_tokens: list[AccessToken] = field(default_factory=list, repr=False)
    mints: Window = field(default_factory=Window)


@dataclass(slots=True, eq=False)
class AccessToken:
    """An access token; dead once revoked, evicted or past its hour."""

    value: str = field(repr=False)
    grant: Grant
    expires_at: datetime


@dataclass(slots=True, eq=False, kw_only=True)
class Code:
    """A one-time grant code.

    Attributes:
        redirect_uri: Where it was sent; None for a self client's, which was copied by hand.
        refresh: Whether a refresh token comes with it: offline access was asked for, and this
            is the first consent or a consent asked for again.
    """

    value: str = field(repr=False)
    client_id: str
    user: User
    org: Org
    scopes: tuple[str, ...]
    redirect_uri: str | None
    expires_at: datetime
    refresh: bool
    challenge: str | None = field(default=None, repr=False)
    challenge_method: str = "plain"
