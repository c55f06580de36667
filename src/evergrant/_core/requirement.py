"""What a caller requires of a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from evergrant._core.validity import NO_MINIMUM, is_usable
from evergrant.token import Token

__all__ = ["Requirement"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """A valid access token, and perhaps more than that.

    Attributes:
        not_this: The access token that the API did not accept, whatever its expiry says.
        min_ttl: How long it must remain valid.
        for_use: Whether a caller is about to use it; else it is only kept fresh.
        is_asked: Whether a caller asked for another one; else the API rejected that one.
    """

    not_this: str | None = None
    min_ttl: timedelta = NO_MINIMUM
    for_use: bool = True
    is_asked: bool = False

    def refresh_cause(self, current: Token, now: datetime) -> str:
        """Return why a token is refreshed, as `evergrant.events.Refreshed` has it."""
        if self.not_this is not None and current.access_token == self.not_this:
            return "asked" if self.is_asked else "rejected"
        if not self.for_use:
            return "kept fresh"
        return "ahead" if is_usable(current, now) else "expired"

    def is_satisfied_by(self, token: Token, now: datetime) -> bool:
        """Return True if the token meets the requirement."""
        return token.access_token != self.not_this and is_usable(token, now, self.min_ttl)

    def is_minimally_satisfied_by(self, token: Token, now: datetime) -> bool:
        """Return True if the token is still valid, ignoring the leeway: after a failed refresh."""
        return bool(
            token.access_token
            and token.access_token != self.not_this
            and token.expires_at
            and token.expires_at > now + self.min_ttl
        )
