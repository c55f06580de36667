"""A user, and what is true of them: what they may be told depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from evergrant.sandbox.models import Grant

__all__ = ["HOUR", "KEPT_LIFE", "LONG_JOB", "MINUTE", "Person"]

MINUTE, HOUR = 60.0, 3600.0

KEPT_LIFE = timedelta(minutes=10)
"""What schedulers leave to everybody, even where Zoho answered the first attempt, at half of the
hour, with an error: the next one is up to a quarter of an hour later."""

LONG_JOB = timedelta(minutes=45)
"""More life than anybody keeps at hand: who asks for it has to wait for it."""


@dataclass(slots=True, eq=False)
class Person:
    """Somebody who uses the app.

    Attributes:
        pause: Mean seconds between two calls.
        min_ttl: How much life each call asks for.
        grant: What they granted last, as Zoho knows it; None once the app has ended it.
        revoked: Whether they have ended it at Zoho.
        adrift: Whether it could not be saved: until then only one process knows of it.
        calls: Whether they use the app at present.
    """

    email: str
    pause: float
    min_ttl: timedelta
    grant: Grant | None = None
    revoked: bool = False
    adrift: bool = False
    calls: bool = False
