"""A faithful local Zoho for tests and demonstrations."""

from __future__ import annotations

from evergrant.clock import RemoteClock
from evergrant.sandbox.browser import ConsentError
from evergrant.sandbox.calls import Call
from evergrant.sandbox.clock import SandboxClock
from evergrant.sandbox.service import DEFAULT_SCOPES, Sandbox
from evergrant.sandbox.settings import Settings
from evergrant.sandbox.world import Client, Org, User

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
