"""Sends a request again that got no usable answer, before the eyes of whoever counts requests."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TypeVar

from evergrant._logging.rate_limited import RateLimitedLog
from evergrant.errors import AccountsUnavailable

__all__ = ["ATTEMPTS", "around_each_request", "send_with_retries"]

_logger = RateLimitedLog()

T = TypeVar("T")

ATTEMPTS = 3
"""How often a request is sent at the most, when no usable answer came."""

BACKOFF = 0.25
"""Seconds before the second attempt; doubled for each further one, with jitter."""

_around: ContextVar[tuple[Callable[[], AbstractContextManager[object]], int]] = ContextVar(
    "evergrant_around_each_request", default=(nullcontext, ATTEMPTS)
)


@contextmanager
def around_each_request(
    enter: Callable[[], AbstractContextManager[object]], attempts: int = ATTEMPTS
) -> Iterator[None]:
    """Enter a context around each request that this thread sends, and each repetition of it.

    It sees how a request fails, and may raise instead of letting it be sent.
    """
    before = _around.set((enter, attempts))
    try:
        yield
    finally:
        _around.reset(before)


def send_with_retries(
    ask: Callable[[], T], *, sleep: Callable[[float], object], once: bool = False
) -> T:
    """Return what sending a request and reading its answer returns.

    Args:
        once: Not again if the server may have seen it.
    """
    attempt, (around, attempts) = 1, _around.get()
    while True:
        try:
            with around():
                return ask()
        except AccountsUnavailable as error:
            if once and error.sent:
                error.retryable, error.hint = False, "The code may be spent: log in again."
                raise
            if attempt == attempts:
                raise
            _logger.warning("attempt %d of %d: %s", attempt, attempts, error.message)
        # Jitter, so that workers that failed together do not come back together.
        sleep(BACKOFF * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - not a key
        attempt += 1
