"""The events that a Keeper sends to its listeners: typed, and without secrets."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from evergrant._delivery import CALLER_WAITS_S, EXIT_TIMEOUT_S, FAILED, LOSES, Delivery
from evergrant._logging.queued import write
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant._text import escaped
from evergrant.clock import utc_now
from evergrant.errors import EvergrantError, Throttled

__all__ = [
    "ClockSkew",
    "Event",
    "EventsLost",
    "Forgotten",
    "GrantLimitNear",
    "Listener",
    "LoggedIn",
    "LoginFailed",
    "RefreshFailed",
    "Refreshed",
    "Restored",
    "Revoked",
    "SafeListener",
    "SaveFailed",
    "StoreFailed",
    "StoreRecovered",
    "fan_out",
    "safe_listener",
]

_logger = logging.getLogger("evergrant")
_fan_out_logger = RateLimitedLog()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened to a token.

    Attributes:
        at: When it happened (aware).
        token_id: The id of the token; None before its first save.
        user: The name of its user, if known.
    """

    at: datetime
    token_id: str | None = None
    user: str | None = None

    def __str__(self) -> str:
        about = {"token": self.token_id, "user": self.user, "error": getattr(self, "error", None)}
        said = ", ".join(f"{name} {value}" for name, value in about.items() if value)
        return f"{type(self).__name__}: {escaped(said)}" if said else type(self).__name__

    def as_dict(self) -> dict[str, Any]:
        """Return the event for JSON: ``event``, ``at`` (ISO 8601), and its other fields.

        An error becomes ``error`` (its class), ``message``, ``hint``, ``retryable`` and, for
        `Throttled`, ``retry_at``. Fields that are None are left out.
        """
        told: dict[str, Any] = {"event": type(self).__name__}
        for field in fields(self):
            value = getattr(self, field.name)
            told |= (
                _error_fields(value) if field.name == "error" else {field.name: _json_value(value)}
            )
        return {name: value for name, value in told.items() if value is not None}


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _error_fields(error: EvergrantError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "message": error.message,
        "hint": error.hint or None,
        "retryable": error.retryable,
        "retry_at": error.retry_at.isoformat() if isinstance(error, Throttled) else None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn(Event):
    """A user logged in: the tokens were granted and stored."""

    data_center: str
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed(Event):
    """A login failed; ``user`` is the user who was expected to log in, if one was named."""

    error: EvergrantError


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantLimitNear(Event):
    """A user has ``count`` refresh tokens for one client; above ``most``, Zoho ends the oldest.

    Revoke grants that are no longer used, and ask for consent again only if it is needed.
    """

    count: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed(Event):
    """A new access token was granted and stored; it is valid until ``expires_at``.

    ``took`` is how many seconds the request to Zoho and the save took. ``cause`` is ``expired``,
    ``ahead`` (the old one still worked), ``kept fresh`` (by a scheduler), ``rejected`` (by the
    API), or ``asked`` (explicitly, as by `Keeper.refresh`).
    """

    expires_at: datetime | None
    took: float | None = None
    cause: str = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshFailed(Event):
    """Zoho did not refresh the token, or a store failure prevented the request.

    ``took`` is how many seconds the request to Zoho took, or None if none was sent.
    """

    error: EvergrantError
    took: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveFailed(Event):
    """A granted token could not be stored; it is in ``lifeboat``, or only in memory if None."""

    error: EvergrantError
    lifeboat: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew(Event):
    """The host that saved this token has a clock ``seconds`` ahead of ours, or behind it if < 0.

    The token is used all the same. Set the clocks of all hosts that share the store (NTP).
    """

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(Event):
    """A token from the lifeboat was saved to the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed(Event):
    """The store does not answer; cached tokens that are still valid are used.

    Sent at most once a second while that lasts.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsLost(Event):
    """The listener was too slow and missed ``count`` events before this one."""

    count: int


Listener = Callable[[Event], None]


class SafeListener:
    """Logs each event and calls the listener, which cannot block the caller; see `Delivery`.

    Args:
        listener: One listener, or several that were combined by `fan_out`.
    """

    def __init__(self, listener: Listener | None) -> None:
        told = getattr(listener, "listeners", (listener,)) if listener else ()
        self._log = RateLimitedLog()
        self._deliveries = [
            Delivery[Event](one, _make_lost_event, report=self._report) for one in told
        ]

    def __call__(self, event: Event) -> None:
        """Log an event and call the listener; an exception that it raises is only logged."""
        failed = isinstance(
            event,
            ClockSkew | GrantLimitNear | LoginFailed | RefreshFailed | SaveFailed | StoreFailed,
        )
        if failed:
            # The listener gets every failure; the log is rate-limited, for people to read.
            kind = type(event), type(getattr(event, "error", None))
            self._log.log(logging.WARNING, "%s", event, kind=kind)
        else:
            write(_logger, logging.INFO, "%s", (event,))
        until = time.monotonic() + CALLER_WAITS_S
        for wait in [delivery.begin(event) for delivery in self._deliveries]:
            wait(until)

    def _report(self, listener: str, trouble: str) -> None:
        if trouble == FAILED:
            self._log.exception("the event listener failed")
        else:
            level = logging.ERROR if trouble == LOSES else logging.WARNING
            self._log.log(level, f"the event listener %s {trouble}", listener)

    def flush(self, seconds: float = EXIT_TIMEOUT_S) -> None:
        """Wait until all events were delivered, for at most ``seconds``."""
        until = time.monotonic() + seconds
        for delivery in self._deliveries:
            delivery.flush(until - time.monotonic())


def _make_lost_event(count: int) -> EventsLost:
    return EventsLost(at=utc_now(), count=count)


class _FanOut:
    """Calls several listeners; a Keeper delivers to each on its own, so that none waits."""

    def __init__(self, listeners: tuple[Listener, ...]) -> None:
        nested = [getattr(listener, "listeners", (listener,)) for listener in listeners]
        self.listeners: tuple[Listener, ...] = tuple(one for some in nested for one in some)

    def __call__(self, event: Event) -> None:
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:
                _fan_out_logger.exception("the event listener failed")


def fan_out(*listeners: Listener) -> Listener:
    """Return one listener that calls all of these in order, even if one of them raises."""
    return _FanOut(listeners)


def safe_listener(listener: Listener | None) -> SafeListener:
    """Return a listener that logs each event and calls this one, logging its exceptions."""
    return SafeListener(listener)
