"""Saves what Zoho granted, come what may: the store, the store again, the lifeboat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from evergrant.clock import Clock
from evergrant.errors import Conflict, StoreError, TokenNotFound, TokenNotSaved
from evergrant.events import Emit, SaveFailed, TakenAboard
from evergrant.keeping.lifeboat import Lifeboat
from evergrant.stores.base import TokenStore
from evergrant.token import Token

__all__ = ["Saver"]

PAUSES = (0.05, 0.5)
"""Seconds between the attempts to save, for a store that says another attempt may help."""


class Saver:
    """Puts granted tokens into a store, or into the lifeboat until the store is well again."""

    def __init__(
        self,
        store: TokenStore,
        lifeboat: Lifeboat,
        emit: Emit,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._lifeboat = lifeboat
        self._emit = emit
        self._clock = clock
        self._sleep = sleep

    def save(self, granted: Token, *, read: Token | None = None) -> Token:
        """Save a token that was just granted; return it as stored.

        Args:
            read: The stored token that it renews; None for a new login. If it was changed
                since, the fresher one wins; if it was deleted, that stands.

        Raises:
            TokenNotFound: The token was deleted while it was being renewed.
            TokenNotSaved: The store cannot take it now; the lifeboat holds it.
        """
        try:
            return self._save(granted, read)
        except TokenNotFound:
            raise
        except StoreError as error:
            problem = error
        path = self._lifeboat.put(granted)
        about = {"token_id": granted.id, "user": granted.user_name}
        self._emit(SaveFailed(at=self._clock(), error=problem, lifeboat=path, **about))
        where = f"it is in the lifeboat {path}" if path else "only this process still has it"
        raise TokenNotSaved(
            f"Zoho granted a token that could not be saved ({problem.message}); {where}",
            lifeboat=path,
            **about,
        ) from problem

    def _save(self, granted: Token, read: Token | None) -> Token:
        for pause in (*PAUSES, None):
            try:
                return self._swap(granted, read) if read else self._store.save_token(granted)
            except StoreError as error:
                if pause is None or not error.retryable:
                    raise
                self._sleep(pause)
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _swap(self, granted: Token, read: Token) -> Token:
        try:
            return self._store.save_token(granted, expected_version=read.version)
        except Conflict:
            if granted.id is None or self._store.find_token_by_id(granted.id) is None:
                raise TokenNotFound(
                    "the token was deleted while it was being renewed",
                    token_id=granted.id,
                    user=granted.user_name,
                ) from None
        # Somebody changed the row meanwhile. Without a version of its own the save competes by
        # freshness: a token that was granted later than ours stays.
        return self._store.save_token(replace(granted, version=0))

    def adrift(self, id_: str | None) -> Token | None:
        """Return a granted token that is not in the store yet; tries to bring it there first."""
        if not self._lifeboat.occupied:
            return None
        self.take_aboard()
        return self._lifeboat.find(id_)

    def take_aboard(self) -> None:
        """Bring the lifeboat's tokens into the store, as far as it takes them."""
        if self._lifeboat.occupied:
            self._lifeboat.take_aboard(self._take)

    def _take(self, token: Token) -> None:
        known = token.version > 0 and token.id is not None
        if known and self._store.find_token_by_id(token.id or "") is None:
            return  # deleted on purpose since: it must not come back
        saved = self._store.save_token(replace(token, version=0))
        self._emit(TakenAboard(at=self._clock(), token_id=saved.id, user=saved.user_name))

    def drop(self, id_: str) -> None:
        """Forget a token that was deleted from the store on purpose."""
        self._lifeboat.drop(id_)
