"""Which access tokens were refreshed because a service refused one without saying why."""

from __future__ import annotations

from evergrant._core.shared_notes import SharedNotes
from evergrant._oauth.protocol import ACCESS_TOKEN_LIFE
from evergrant.token import Token

__all__ = ["UnclearRefusals"]

_KIND = "unclear"


class UnclearRefusals:
    """What all processes that share a store know of unclear refusals."""

    def __init__(self, notes: SharedNotes) -> None:
        self._notes = notes

    def was_tried(self, token: Token) -> bool:
        """Return True if this access token came from a refresh for an unclear refusal."""
        return bool(token.access_token and self._notes.read(_KIND, token.access_token))

    def record(self, token: Token) -> None:
        """Note that this access token came from a refresh for an unclear refusal."""
        if token.access_token:
            life_s = ACCESS_TOKEN_LIFE.total_seconds()
            self._notes.update(_KIND, token.access_token, lambda _: "tried", life=life_s)
