"""The scheduler: keeps tokens fresh whether or not they are used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from evergrant._core import refresh_jitter
from evergrant._core.manager import TokenManager
from evergrant._core.refreshable import belongs_to_client, refresh_blocker
from evergrant._fork import this_process
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import AmbiguousUser, CorruptRecord, EvergrantError, TokenNotFound
from evergrant.token import Token

__all__ = ["INTERVAL_S", "RefreshScheduler", "Round"]

_logger = RateLimitedLog()

INTERVAL_S = 15.0
"""Seconds between two rounds, or ten times what a round took if that is more."""

_LAST = datetime.max.replace(tzinfo=UTC)

OnProblem = Callable[[EvergrantError], None]


@dataclass(frozen=True, slots=True)
class Round:
    """One look at all tokens.

    Attributes:
        began: When it began (monotonic seconds).
        started: How many refreshes it started.
        error: Why it could not be completed, if it could not.
    """

    began: float
    started: int = 0
    error: Exception | None = None

    def pause_s(self) -> float:
        """Return how many seconds to wait before the next round; called at the end of this one."""
        if self.error:
            return INTERVAL_S
        return max(INTERVAL_S, 10 * (time.monotonic() - self.began))


def _log_problem(error: EvergrantError) -> None:
    if not isinstance(error, TokenNotFound):  # a user who has not logged in yet is no problem
        _logger.warning("not kept fresh: %s", error)


class RefreshScheduler:
    """Refreshes tokens when they are due, in a thread of its own that ends with the process.

    Args:
        users: The users whose tokens to keep fresh; by default all of this client.
        on_problem: Is told, in each round, why a row or a user named cannot be kept fresh.
    """

    def __init__(
        self,
        manager: TokenManager,
        users: Collection[str] = (),
        *,
        on_problem: OnProblem = _log_problem,
    ) -> None:
        self._manager = manager
        self._users = users
        self._on_problem = on_problem
        self._process = this_process()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evergrant-scheduler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after the present round."""
        if self._process != this_process():
            return  # a forked child has no such thread, and perhaps not even the event's lock
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def rounds(self) -> Iterator[Round]:
        """Run rounds until this is closed; the caller waits `Round.pause_s` between two."""
        while not self._closed.is_set():
            yield self._round()

    def _round(self) -> Round:
        began = time.monotonic()
        try:
            return Round(began, started=self.run_once())
        except Exception as error:  # noqa: BLE001 - the caller decides what it means
            return Round(began, error=error)

    def run_once(self) -> int:
        """Begin to refresh each token whose slot has come; return how many were begun.

        Raises:
            StoreError: The store cannot be listed.
        """
        self._manager.restore_pending()
        now = self._manager.clock()
        due = list(self.tokens(lambda token: refresh_jitter.is_due(token, now)))
        # The most urgent first: there may be more than can be done at once.
        due.sort(key=lambda token: token.expires_at or _LAST)
        return sum(
            self._manager.upkeep.schedule_refresh(token, refresh_jitter.is_due) for token in due
        )

    def tokens(self, wanted: Callable[[Token], bool] = lambda _: True) -> Iterator[Token]:
        """Yield the tokens that are kept fresh, as they are stored now.

        Args:
            wanted: Leaves out those of which it says no; asked first, of each token in the store.

        Raises:
            StoreError: The store cannot be listed.
        """
        accounts, store = self._manager.accounts, self._manager.store
        if self._users:
            yield from filter(wanted, self._named())
            return
        for token in store.iter_tokens(on_corrupt=self._on_problem):
            if (
                wanted(token)
                and belongs_to_client(token, accounts)
                and not refresh_blocker(token, accounts)
            ):
                yield token

    def _named(self) -> Iterator[Token]:
        for user in self._users:
            try:
                token = self._manager.find(user)
            except (TokenNotFound, AmbiguousUser, CorruptRecord) as error:
                error.user = user
                self._on_problem(error)
                continue
            if problem := refresh_blocker(token, self._manager.accounts):
                self._on_problem(problem)
            else:
                yield token

    def _run(self) -> None:
        for done in self.rounds():
            if isinstance(done.error, EvergrantError):
                _logger.warning("no token was refreshed in this round: %s", done.error)
            elif done.error:
                _logger.log(
                    logging.ERROR, "no token was refreshed in this round", exc_info=done.error
                )
            if self._closed.wait(done.pause_s()):
                return
