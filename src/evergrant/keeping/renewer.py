"""Keeps tokens fresh whether or not anybody asks for them, each in its slot."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime

from evergrant.errors import AmbiguousUser, CorruptRecord, EvergrantError, TokenNotFound
from evergrant.keeping import pacing
from evergrant.keeping.custody import Custody
from evergrant.token import Token

__all__ = ["ROUND", "Renewer"]

_logger = logging.getLogger("evergrant")

ROUND = 15.0
"""Seconds between two rounds; longer where a look at all tokens takes more than a tenth of that."""

_LAST = datetime.max.replace(tzinfo=UTC)


class Renewer:
    """Goes round the tokens in a thread of its own, which ends with the process.

    Args:
        find: Finds a user's token.
        users: Whose tokens to keep fresh; nobody named: all of this client.
    """

    def __init__(
        self, custody: Custody, find: Callable[[str], Token], users: Collection[str] = ()
    ) -> None:
        self._custody = custody
        self._find = find
        self._users = users
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evergrant-renewer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after the present round."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> int:
        """Begin to renew each token whose slot has come; return how many were begun.

        Raises:
            StoreError: The store cannot be listed.
        """
        now = self._custody.clock()
        due = [token for token in self._tokens() if pacing.is_due(token, now)]
        # The most urgent first: there may be more than can be done at once.
        due.sort(key=lambda token: token.expires_at or _LAST)
        return sum(self._custody.renew_when_due(token, pacing.is_due) for token in due)

    def _tokens(self) -> Iterator[Token]:
        if self._users:
            for user in self._users:
                try:
                    yield self._find(user)
                except TokenNotFound:  # not logged in yet, or no longer
                    continue
                except (AmbiguousUser, CorruptRecord) as error:
                    _logger.warning("not kept fresh: %s", error)
            return
        client = self._custody.accounts.client
        for token in self._custody.store.iter_tokens():
            if client is None or token.client_id in (None, client.client_id):
                yield token

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            began = time.monotonic()
            try:
                self.round()
            except EvergrantError as error:
                _logger.warning("no token was renewed in this round: %s", error)
            except Exception:
                _logger.exception("no token was renewed in this round")
            pause = max(ROUND, 10 * (time.monotonic() - began))
