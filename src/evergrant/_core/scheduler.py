"""Keeps tokens fresh whether or not anybody asks for them, each in its slot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime

from evergrant._core import refresh_jitter
from evergrant._core.manager import TokenManager
from evergrant._core.refreshable import belongs_to_client, refresh_blocker
from evergrant._fork import this_process
from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import AmbiguousUser, CorruptRecord, EvergrantError, TokenNotFound
from evergrant.token import Token

__all__ = ["INTERVAL_S", "RefreshScheduler", "next_interval"]

_logger = RateLimitedLog()

INTERVAL_S = 15.0
"""Seconds between two rounds; longer where a look at all tokens takes more than a tenth of that."""

_LAST = datetime.max.replace(tzinfo=UTC)

OnProblem = Callable[[EvergrantError], None]


def next_interval(seconds: float) -> float:
    """Return how many seconds to rest after a round that took so many."""
    return max(INTERVAL_S, 10 * seconds)


def _log_problem(error: EvergrantError) -> None:
    if not isinstance(error, TokenNotFound):  # who has not logged in yet is no problem
        _logger.warning("not kept fresh: %s", error)


class RefreshScheduler:
    """Goes round the tokens in a thread of its own, which ends with the process.

    Args:
        users: Whose tokens to keep fresh; nobody named: all of this client.
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
        pause = 0.0
        while not self._closed.wait(pause):
            began, pause = time.monotonic(), INTERVAL_S
            try:
                self.run_once()
            except EvergrantError as error:
                _logger.warning("no token was refreshed in this round: %s", error)
            except Exception:
                _logger.exception("no token was refreshed in this round")
            else:
                pause = next_interval(time.monotonic() - began)
