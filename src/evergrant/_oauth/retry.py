"""Retries: a request that got no usable response is sent again, with back-off and jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import AccountsUnavailable

__all__ = ["ATTEMPTS", "RequestScope", "send_with_retries"]

_logger = RateLimitedLog()

T = TypeVar("T")

ATTEMPTS = 3
"""How often a request is sent at most, when no usable response came."""

BACKOFF_S = 0.25
"""Seconds before the second attempt; doubled for each further one, with jitter."""

RequestScope = Callable[[], AbstractContextManager[object]]
"""Entered around each request that is sent, and each repetition. It sees how a request fails, and
may raise instead of letting it be sent."""


def send_with_retries(
    send: Callable[[], T],
    *,
    sleep: Callable[[float], object],
    once: bool = False,
    attempts: int = ATTEMPTS,
    scope: RequestScope = nullcontext,
) -> T:
    """Return what sending a request and reading its response returns.

    Args:
        sleep: Waits for a number of seconds.
        once: Do not send it again if the server may have seen it.
        attempts: How often it is sent at most.
        scope: Entered around each attempt.
    """
    attempt = 1
    while True:
        try:
            with scope():
                return send()
        except AccountsUnavailable as error:
            if once and error.sent:
                error.retryable, error.hint = False, "The code may be spent: log in again."
                raise
            if attempt == attempts:
                raise
            _logger.warning("attempt %d of %d: %s", attempt, attempts, error.message)
        # Jitter, so that workers that failed together do not come back together.
        sleep(BACKOFF_S * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - not a key
        attempt += 1
