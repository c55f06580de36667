"""What a caller needs of a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from evergrant.keeping.windows import ANY_LIFE, is_usable
from evergrant.token import Token

__all__ = ["Need"]


@dataclass(frozen=True, slots=True)
class Need:
    """An access token that works, and perhaps more than that.

    Attributes:
        other_than: The access token that the API did not accept, whatever its expiry says.
        min_life: How much life it must have left.
        is_use: Whether somebody is about to use it; else it is only kept fresh.
        is_asked: Whether somebody asked for another one; else the API rejected that one.
    """

    other_than: str | None = None
    min_life: timedelta = ANY_LIFE
    is_use: bool = True
    is_asked: bool = False

    def cause(self, current: Token, now: datetime) -> str:
        """Return why a token is renewed, as `evergrant.events.Refreshed` has it."""
        if self.other_than is not None and current.access_token == self.other_than:
            return "asked" if self.is_asked else "rejected"
        if not self.is_use:
            return "kept fresh"
        return "ahead" if is_usable(current, now) else "expired"

    def is_met(self, token: Token, now: datetime) -> bool:
        """Say whether a token will do."""
        return token.access_token != self.other_than and is_usable(token, now, self.min_life)

    def is_barely_met(self, token: Token, now: datetime) -> bool:
        """Say whether a token will do if there is no better one: in its very last minute too."""
        return bool(
            token.access_token
            and token.access_token != self.other_than
            and token.expires_at
            and token.expires_at > now + self.min_life
        )
