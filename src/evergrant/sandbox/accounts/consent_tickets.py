"""Tickets: what ties an answered consent form to the page that was shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from evergrant.sandbox.models import Client

__all__ = ["Application", "Tickets"]

_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A valid request for consent."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None = field(default=None, repr=False)
    offline: bool
    again: bool
    challenge: str | None = field(default=None, repr=False)
    challenge_method: str


class Tickets:
    """Applications whose page is open; each ticket works once, and the newest 100 are kept."""

    def __init__(self) -> None:
        self._open: dict[str, Application] = {}

    def issue(self, application: Application) -> str:
        """Return a ticket that only the page's form knows."""
        while len(self._open) >= _MOST:
            del self._open[next(iter(self._open))]
        ticket = secrets.token_urlsafe(16)
        self._open[ticket] = application
        return ticket

    def take(self, ticket: str) -> Application | None:
        """Return what a ticket stands for, and spend it."""
        return self._open.pop(ticket, None)
