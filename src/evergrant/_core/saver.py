"""Saves what Zoho granted: in the store, after retries, or else in the lifeboat."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from evergrant._concurrency.single_flight import SingleFlight
from evergrant._core.validity import CLOCK_SLACK
from evergrant._fork import ProcessLock
from evergrant._lifeboat.outbox import Lifeboat
from evergrant._lifeboat.restore_result import RestoreOutcome, RestoreResult
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.clock import Clock
from evergrant.errors import Conflict, StoreError, TokenNotFound, TokenNotSaved
from evergrant.events import Listener, Restored, SaveFailed
from evergrant.stores.base import SAVE_ATTEMPTS, TokenStore
from evergrant.stores.deletions import name_of_grant
from evergrant.stores.matching import compatible, freshest
from evergrant.token import Token, identify

__all__ = ["Saver"]

_logger = RateLimitedLog()

PAUSES_S = (0.05, 0.5)
"""Seconds between attempts to save, if the store says that another attempt may help."""


class Saver:
    """Saves granted tokens in the store, or in the lifeboat until the store takes them."""

    def __init__(
        self,
        store: TokenStore,
        lifeboat: Lifeboat,
        emit: Listener,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._lifeboat = lifeboat
        self._emit = emit
        self._clock = clock
        self._sleep = sleep
        self._restoring: SingleFlight[list[RestoreResult]] = SingleFlight()
        self._settling = ProcessLock()

    def save(self, token: Token) -> Token:
        """Save a token by the store's own rule (the fresher one stays); return what is stored.

        Raises:
            TokenNotSaved: The store cannot take it now; the lifeboat holds it.
            StoreError: The token holds nothing.
        """
        return self._save(token, lambda: self._store.save_token(token))

    def save_login(self, granted: Token, former: Token | None = None) -> Token:
        """Save a new login in place of the user's older one; return it as stored.

        Args:
            former: A row of the same user under a former name, to reuse or to delete.

        Raises:
            TokenNotSaved: The store cannot take it now; the lifeboat holds it.
        """
        return self._save(
            granted,
            lambda: self._replace_login(granted, former),
            lambda: self._replaced_grant(granted),
        )

    def save_refresh(self, granted: Token, read: Token) -> Token:
        """Save a refreshed token; return what is stored now.

        Args:
            read: The stored token that it refreshes. If another process has
                refreshed it since, that result stays; so does a new login. A deletion stands.
                A row that is gone without a deletion was lost, and is saved again.

        Raises:
            TokenNotFound: The token was deleted while it was being refreshed.
            TokenNotSaved: The store cannot take it now; the lifeboat holds it.
        """
        return self._save(granted, lambda: self._compare_and_swap(granted, read))

    def _save(
        self,
        granted: Token,
        attempt: Callable[[], Token],
        over: Callable[[], str | None] = lambda: None,
    ) -> Token:
        if granted.is_blank:
            # It holds nothing that could be lost, and restored later it would hide the user's row.
            return attempt()
        try:
            return self._save_with_retries(granted, attempt, over)
        except TokenNotFound:
            self._lifeboat.remove(granted)
            raise
        except TokenNotSaved:
            raise
        except BaseException as error:
            # An interrupt, or what no store should raise: Zoho grants a token only once.
            path = self._lifeboat.add(granted)
            what = type(error).__name__
            _logger.warning("%s while a token was saved; it waits in %s", what, path or "memory")
            raise

    def _save_with_retries(
        self, granted: Token, attempt: Callable[[], Token], over: Callable[[], str | None]
    ) -> Token:
        pauses, failed = iter(PAUSES_S), False
        for _ in range(SAVE_ATTEMPTS):
            try:
                saved = attempt()
            except TokenNotFound:
                raise
            except StoreError as error:
                problem = error
            else:
                if failed:
                    self._lifeboat.remove(granted)
                return saved
            # At once, not at the end: the process may be killed in the pauses.
            path, failed = self._lifeboat.add(granted, over()), True
            if not problem.retryable:
                break
            if isinstance(problem, Conflict):
                continue  # another process saved: the row is free again
            if (pause := next(pauses, None)) is None:
                break
            self._sleep(pause)
        raise self._not_saved(granted, problem, path) from problem

    def _not_saved(self, granted: Token, problem: StoreError, path: Path | None) -> TokenNotSaved:
        self._emit(SaveFailed(at=self._clock(), error=problem, lifeboat=path, **identify(granted)))
        where = f"it is in the lifeboat {path}" if path else "only this process still has it"
        return TokenNotSaved(
            f"Zoho granted a token that could not be saved ({problem.message}); {where}",
            lifeboat=path,
            **identify(granted),
        )

    def _replaced_grant(self, granted: Token) -> str | None:
        """Return the name of the grant that a login replaces, if the store can still be read."""
        with suppress(StoreError):
            return name_of_grant(self._store.find_token(_owner_query(granted)))
        return None

    def _replace_login(self, granted: Token, former: Token | None = None) -> Token:
        before = self._store.find_token(_owner_query(granted)) or former
        if former and before is not former:
            with suppress(TokenNotFound):  # by its version: it may be another user's now
                self._store.delete_token(former.id or "", expected_version=former.version)
        if before is None or before.id == granted.id:
            return self._store.save_token(granted)
        # A new login replaces the old one, whatever their expiries. A repeated consent brings no
        # refresh token: the old one stays valid.
        refresh_token = granted.refresh_token or before.refresh_token
        # Without its id if another program wrote the row: an id says that this grant was read.
        id_ = before.id if before.version else None
        anew = replace(granted, id=id_, refresh_token=refresh_token, updated_at=before.updated_at)
        saved = self._store.save_token(anew, expected_version=before.version)
        if granted.id:
            with suppress(TokenNotFound):
                self._store.delete_token(granted.id)
        return saved

    def _compare_and_swap(self, granted: Token, read: Token) -> Token:
        id_ = granted.id or ""
        # Version 0 means a row that another program wrote, and also no row at all.
        if read.version or self._store.find_token_by_id(id_):
            with suppress(Conflict):
                return self._store.save_token(granted, expected_version=read.version)
        current = self._store.find_token_by_id(id_)
        if current is None or not compatible(current, granted):
            if self._store.was_deleted(granted):
                raise TokenNotFound(
                    "the token was deleted while it was being refreshed",
                    token_id=granted.id,
                    user=granted.user_name,
                )
            return self._save_lost_row(granted).token
        if current.refresh_token != read.refresh_token or _has_refreshed(current, read, granted):
            return current
        return self._store.save_token(granted, expected_version=current.version)

    def pending_for(self, stored: Token) -> Token | None:
        """Return what was granted for this stored token and is not in the store yet, or None."""
        waiting = self._lifeboat.find(stored.id) if self._lifeboat.has_pending else None
        # A row of that id may be another user's now: ids that callers choose are used again.
        if waiting is None or not compatible(stored, waiting):
            return None
        return waiting if freshest([waiting, stored]) is waiting else None

    def restore_pending(self) -> list[RestoreResult]:
        """Try to save every pending token. Tokens that cannot be saved stay pending.

        Returns:
            The result for each.
        """
        if not self._lifeboat.has_pending:
            return []
        led: list[RestoreResult] = []
        # One thread tries while the others wait for it: a store that is down answers slowly.
        results = self._restoring.do("", lambda: self._restore_all(led))
        for result in led:  # now that the lifeboat is free: a listener may ask for a token
            if result.outcome is RestoreOutcome.RESTORED:
                self._emit(Restored(at=self._clock(), **identify(result.token)))
        return results

    def _restore_all(self, led: list[RestoreResult]) -> list[RestoreResult]:
        with self._settling.get():
            led += self._lifeboat.restore(self._restore_one)
        return led

    def _restore_one(self, token: Token) -> RestoreResult:
        over = self._lifeboat.replaced_grant(token)
        if over and over == name_of_grant(self._store.find_token(_owner_query(token))):
            # However often the earlier grant was refreshed since: this login is the later one.
            return RestoreResult(
                self._replace_login(replace(token, version=0)), RestoreOutcome.RESTORED
            )
        if token.id is None:
            return RestoreResult(
                self._store.save_token(replace(token, version=0)), RestoreOutcome.RESTORED
            )
        row = self._store.find_token_by_id(token.id)
        if row is None or not compatible(row, token):
            if not self._store.was_deleted(token):
                return self._save_lost_row(token)
            # On purpose: it must not come back.
            _logger.warning("the lifeboat dropped token %s: its row was deleted", token.id)
            return RestoreResult(token, RestoreOutcome.ROW_DELETED)
        return self._restore_over(token, row)

    def _restore_over(self, token: Token, row: Token) -> RestoreResult:
        """Save a pending token over the row of its id, unless the row is fresher."""
        if (row.user_name, row.refresh_token) != (token.user_name, token.refresh_token):
            return RestoreResult(
                self._store.save_token(replace(token, version=0)), RestoreOutcome.RESTORED
            )
        if freshest([row, token]) is row:
            return RestoreResult(token, RestoreOutcome.SUPERSEDED)
        # By its version: a row that is deleted at this moment must not come back.
        saved = self._store.save_token(token, expected_version=row.version)
        return RestoreResult(saved, RestoreOutcome.RESTORED)

    def _save_lost_row(self, token: Token) -> RestoreResult:
        """Save a token whose row was lost (an evicted key, a lost file) under its user."""
        taken = self._store.find_token_by_id(token.id or "")
        anew = replace(token, id=None if taken else token.id, version=0)
        now = self._store.find_token(_owner_query(token))
        if now is None or name_of_grant(now) == name_of_grant(token):
            saved = self._store.save_token(replace(anew, id=now.id if now else anew.id))
        elif now.updated_at and token.updated_at and now.updated_at > token.updated_at:
            return RestoreResult(now, RestoreOutcome.SUPERSEDED)  # the user has logged in since
        else:
            saved = self._replace_login(anew)
        _logger.warning(
            "the row of token %s was gone, and nobody had deleted it: saved again as token %s",
            token.id,
            saved.id,
        )
        return RestoreResult(saved, RestoreOutcome.RESTORED)

    def discard(self, token: Token) -> None:
        """Forget what waits for a row that was deleted from the store on purpose."""
        if self._lifeboat.has_pending:
            with self._settling.get():
                self._lifeboat.discard(token)


def _has_refreshed(current: Token, read: Token, granted: Token) -> bool:
    """Return True if a row holds a refresh by another process, as good as ours, since it was read.

    Their expiries cannot tell which was granted later: they are by two clocks.
    """
    if current.access_token == read.access_token or not (current.expires_at and granted.expires_at):
        return False
    return current.expires_at > granted.expires_at - CLOCK_SLACK


def _owner_query(token: Token) -> Token:
    return Token(user_name=token.user_name, client_id=token.client_id)
