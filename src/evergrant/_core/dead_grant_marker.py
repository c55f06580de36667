"""Marks the access token of a dead grant as expired in the store, for all who share it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

from evergrant._core.validity import is_usable
from evergrant.clock import Clock
from evergrant.errors import Conflict, StoreError
from evergrant.stores.base import SAVE_ATTEMPTS, TokenStore
from evergrant.stores.matching import compatible
from evergrant.token import Token

__all__ = ["DeadGrantMarker"]

RETRY_S = 5.0
"""Seconds after which a failed write is tried again."""


class DeadGrantMarker:
    """Marks dead grants in the store: their rows say that the access token expired just now."""

    def __init__(self, store: TokenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._retry_at = 0.0

    def is_due(self, token: Token) -> bool:
        """Return True if the row may still say that its access token is valid."""
        return is_usable(token, self._clock()) and time.monotonic() >= self._retry_at

    def expire(self, token: Token) -> Token | None:
        """Mark the row of a dead grant; return the token that has taken its place since, or None.

        A login or a refresh that was saved since stays. A store that does not take the change is
        left as it is.
        """
        for _ in range(SAVE_ATTEMPTS):
            with suppress(Conflict):
                try:
                    return self._expire(token)
                except Conflict:
                    raise
                except StoreError:
                    self._retry_at = time.monotonic() + RETRY_S
                    return None
        return None

    def _expire(self, token: Token) -> Token | None:
        row, now = self._store.find_token_by_id(token.id or ""), self._clock()
        if row is None or not compatible(row, token):
            return None
        if (row.refresh_token, row.access_token) != (token.refresh_token, token.access_token):
            return row
        if row.access_token and (row.expires_at is None or row.expires_at > now):
            # By its version: a save in between is not overwritten.
            self._store.save_token(replace(row, expires_at=now), expected_version=row.version)
        return None
