"""Writes to the standard library's log in a thread of our own: a hanging handler blocks nothing.

A handler may wait for a full disk, a pipe that is not read or a server of logs, and every thread
that logs waits with it. Who asks for a token is not to be one of them.
"""

from __future__ import annotations

import logging
import sys
import time

from evergrant._delivery import CALLER_WAITS_S, Delivery

__all__ = ["WRITER", "write", "write_record"]

WRITER = "log"
"""What the handlers are called where listeners are named that do not keep up."""


def write(
    logger: logging.Logger,
    level: int,
    message: str,
    args: tuple[object, ...] = (),
    *,
    exc_info: BaseException | bool | None = None,
    stacklevel: int = 1,
) -> None:
    """Log a line as ``logger.log`` does; return when it is written, or half a second later.

    Args:
        exc_info: An error whose traceback to write; True: of the one that is being handled.
        stacklevel: Which of the callers the line is of; 1: who calls this.
    """
    if not logger.isEnabledFor(level):
        return
    where, line, function, _ = logger.findCaller(stacklevel=stacklevel + 1)
    error = sys.exception() if exc_info is True else exc_info or None
    info = (type(error), error, error.__traceback__) if error else None
    write_record(logger.makeRecord(logger.name, level, where, line, message, args, info, function))


def write_record(record: logging.LogRecord) -> None:
    """Have a record handled; return when it is, or half a second later."""
    _written.begin(record)(time.monotonic() + CALLER_WAITS_S)


def _handle(record: logging.LogRecord) -> None:
    logging.getLogger(record.name).handle(record)


def _lost(count: int) -> logging.LogRecord:
    text = "the log's handlers did not keep up: %d lines before this one are lost"
    return logging.LogRecord("evergrant", logging.ERROR, __file__, 0, text, (count,), None)


_written = Delivery(_handle, _lost, name=WRITER)
