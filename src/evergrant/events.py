"""What a Keeper tells whoever listens: typed, and free of secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evergrant.errors import EvergrantError

__all__ = [
    "Emit",
    "Event",
    "Forgotten",
    "GrantLimitNear",
    "LoggedIn",
    "RefreshFailed",
    "Refreshed",
    "Revoked",
    "SaveFailed",
    "StoreFailed",
    "StoreRecovered",
    "TakenAboard",
    "emitter",
]

_logger = logging.getLogger("evergrant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened to a token.

    Attributes:
        at: When (aware).
        token_id: The id of the token; None before its first save.
        user: The name of its user, where it is known.
    """

    at: datetime
    token_id: str | None = None
    user: str | None = None

    def __str__(self) -> str:
        about = {"token": self.token_id, "user": self.user, "error": getattr(self, "error", None)}
        said = ", ".join(f"{name} {value}" for name, value in about.items() if value)
        return f"{type(self).__name__}: {said}" if said else type(self).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn(Event):
    """A user's consent was exchanged for tokens, which are stored."""

    data_center: str
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantLimitNear(Event):
    """A user has ``count`` refresh tokens for one client; beyond ``most``, Zoho ends the oldest.

    Revoke grants that are not used any more, and ask for consent again only where it is needed.
    """

    count: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed(Event):
    """A new access token was granted and stored; it lives until ``expires_at``."""

    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFailed(Event):
    """Zoho did not renew the token, or the store did not let us ask."""

    error: EvergrantError


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveFailed(Event):
    """A granted token could not be stored; it is in ``lifeboat`` (None: in memory only)."""

    error: EvergrantError
    lifeboat: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenAboard(Event):
    """A token from the lifeboat is in the store again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed(Event):
    """The store does not answer; cached tokens that are still valid are used.

    Sent at the most once a second while that lasts.
    """

    error: EvergrantError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRecovered(Event):
    """The store answers again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked(Event):
    """The grant was revoked at Zoho and deleted from the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten(Event):
    """The token was deleted from the store; Zoho was not told."""


Emit = Callable[[Event], None]


def emitter(listener: Emit | None) -> Emit:
    """Return what logs each event and tells the listener; a listener that raises harms nobody."""

    def emit(event: Event) -> None:
        failed = isinstance(event, GrantLimitNear | RefreshFailed | SaveFailed | StoreFailed)
        _logger.log(logging.WARNING if failed else logging.INFO, "%s", event)
        if listener is not None:
            try:
                listener(event)
            except Exception:
                _logger.exception("the event listener failed")

    return emit
