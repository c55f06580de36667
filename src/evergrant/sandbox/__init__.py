"""A faithful local Zoho for tests and demonstrations."""

from __future__ import annotations

from evergrant.clock import RemoteClock
from evergrant.sandbox.calls import Call
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.consent_client import ConsentError
from evergrant.sandbox.models import Client, Org, User
from evergrant.sandbox.sandbox import DEFAULT_SCOPES, Sandbox
from evergrant.sandbox.settings import Settings

__all__ = [
    "DEFAULT_SCOPES",
    "Call",
    "Client",
    "ConsentError",
    "Org",
    "RemoteClock",
    "Sandbox",
    "SandboxClock",
    "Settings",
    "User",
]
