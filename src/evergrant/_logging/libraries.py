"""Limits what libraries log while they work for us, as our own log is limited."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from evergrant._logging.rate_limited import RateLimitedLog

__all__ = ["rate_limited_libraries"]

_here = threading.local()
_log = RateLimitedLog()


class _Limit(logging.Filter):
    """Takes what is logged in a thread that works for us out of its way, and lets the rest pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        least: int | None = getattr(_here, "least", None)
        if least is None:
            return True
        if record.levelno >= least:
            _here.least = None  # its handler may run in this very thread
            try:
                _log.pass_on(record)
            finally:
                _here.least = least
        return False


_limit = _Limit()


@contextmanager
def rate_limited_libraries(*names: str, least: int = logging.NOTSET) -> Iterator[None]:
    """Bound what these libraries log in the block, in this thread.

    Args:
        names: What the names of their loggers begin with.
        least: The level below which nothing is logged: it has secrets in it.
    """
    for name in [name for name in list(logging.root.manager.loggerDict) if name.startswith(names)]:
        logging.getLogger(name).addFilter(_limit)  # once: it is the same
    outer, _here.least = getattr(_here, "least", None), least
    try:
        yield
    finally:
        _here.least = outer
