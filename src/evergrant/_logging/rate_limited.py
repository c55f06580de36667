"""A logger that writes a few lines of each kind in a minute, and counts the others.

While a store is down, a hundred users who wait would write ten thousand lines that say the same.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from evergrant._fork import ProcessLock
from evergrant._logging.queued import write, write_record

__all__ = ["BURST", "PERIOD_S", "RateLimitedLog"]

BURST = 10
"""Lines of one kind in a `PERIOD_S`."""

PERIOD_S = 60.0
"""Seconds."""

MOST_KINDS = 1_000
"""Kinds that are told apart; with more of them, the counts start again."""


_all: weakref.WeakSet[RateLimitedLog] = weakref.WeakSet()


class _Line(NamedTuple):
    """A line that is to be logged."""

    level: int
    message: str
    args: tuple[object, ...]


@dataclass(slots=True)
class _Kind:
    """How many lines of a kind came since a moment (monotonic), and the first that was left out."""

    began: float
    number: int = 0
    line: _Line | None = None


class RateLimitedLog:
    """Writes to a logger of the standard library; safe to share between threads.

    Lines are of one kind if they are made from one message, or by what ``kind`` says, and are
    about files of one folder, if about files.
    """

    def __init__(self, name: str = "evergrant") -> None:
        self._logger = logging.getLogger(name)
        self._lock = ProcessLock()
        self._kinds: dict[object, _Kind] = {}
        _all.add(self)

    def info(self, message: str, *args: object, kind: object = None) -> None:
        """Log what is worth knowing."""
        self.log(logging.INFO, message, *args, kind=kind)

    def warning(self, message: str, *args: object, exc_info: Any = None) -> None:
        """Log a warning."""
        self.log(logging.WARNING, message, *args, exc_info=exc_info)

    def error(self, message: str, *args: object) -> None:
        """Log an error."""
        self.log(logging.ERROR, message, *args)

    def exception(self, message: str, *args: object) -> None:
        """Log an error with the traceback of what is being handled."""
        self.log(logging.ERROR, message, *args, exc_info=True)

    def log(
        self,
        level: int,
        message: str,
        *args: object,
        kind: object = None,
        exc_info: Any = None,
    ) -> None:
        """Log a line, unless there were enough of its kind."""
        if not self._logger.isEnabledFor(level):
            return
        places = tuple(arg.parent for arg in args if isinstance(arg, Path))
        line = _Line(level, message, args)
        number, left_out = self._counted((level, kind or message, places), line)
        if number > BURST:
            return
        if left_out:
            message, args = f"{message} (and %d more like it before)", (*args, left_out)
        if number == BURST:
            message += " (more like it are only counted for a minute)"
        write(self._logger, level, message, args, exc_info=exc_info, stacklevel=3)

    def pass_on(self, record: logging.LogRecord) -> None:
        """Log what another library has, unless there were enough of its kind."""
        line = _Line(record.levelno, str(record.msg), ())
        if self._counted((record.name, line.level, line.message), line)[0] <= BURST:
            write_record(record)

    def _counted(self, kind: object, line: _Line) -> tuple[int, int]:
        """Return which line of its kind this is in its period, and how many were left out."""
        now, left_out = time.monotonic(), 0
        with self._lock.get():
            if len(self._kinds) >= MOST_KINDS:
                self._kinds = {}
            counted = self._kinds.setdefault(kind, _Kind(now))
            if now - counted.began >= PERIOD_S:
                left_out = max(0, counted.number - BURST)
                counted = self._kinds[kind] = _Kind(now)
            counted.number += 1
            number = counted.number
            if number == BURST + 1:
                counted.line = line
        if number == BURST + 1:
            timer = threading.Timer(PERIOD_S, self._tell_rest, [counted])
            timer.daemon = True
            with suppress(RuntimeError):  # the interpreter is ending, or there are too many threads
                timer.start()
        return number, left_out

    def _tell_rest(self, kind: _Kind) -> None:
        """Say how many of a kind were left out, unless its next line has said so."""
        with self._lock.get():
            left_out, kind.number = max(0, kind.number - BURST), 0
        if left_out and (line := kind.line):
            message, args = f"{line.message} (%d like it in a minute)", (*line.args, left_out)
            write(self._logger, line.level, message, args)

    def end(self) -> None:
        """Say what was only counted so far."""
        for kind in list(self._kinds.values()):
            self._tell_rest(kind)


@atexit.register
def _end() -> None:
    for log in list(_all):
        log.end()
